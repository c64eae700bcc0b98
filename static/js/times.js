/** Show times in the user's time zone; without scripts they are in UTC. */
import { locale } from "./words.js";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
// The server needs the zone to filter by day.
if (zone) document.cookie = `timezone=${zone}; path=/; max-age=31536000; samesite=lax`;

const format = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

export function showLocally(part) {
  for (const time of part.querySelectorAll("time[data-local]")) {
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

showLocally(document);
