/** Show times in the reader's own zone; without scripts they stand there in UTC. */
const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

for (const time of document.querySelectorAll("time[data-local]")) {
  time.title = time.textContent;
  time.textContent = format.format(new Date(time.dateTime));
}
