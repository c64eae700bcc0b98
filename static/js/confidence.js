/** Format a probability as a percentage, never rounded to 0 or 100 %. */
import { formatNumber, gettext, interpolate, ngettext } from "./words.js";

export function percent(share) {
  if (share >= 0.9995) return `> ${formatNumber(99.9, 1)} %`;
  if (share < 0.0005) return `< ${formatNumber(0.1, 1)} %`;
  return `${formatNumber(share * 100, 1)} %`;
}

/** Describe how sure a reading is, as templatetags/wording.py does. */
export function sureness({ confidence, sure }) {
  if (!sure) return gettext("Unsure");
  return confidence >= 0.98 ? gettext("Very sure") : gettext("Fairly sure");
}

/** List the ignored marks in words, as templatetags/wording.py does. */
export function ignoredWords(ignored) {
  const counts = new Map();
  for (const { kind } of ignored) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (!counts.size) return "";
  const words = [...counts].map(([kind, count]) => interpolate(counted(kind, count), { count }));
  const last = words.pop();
  const things = words.length ? interpolate(gettext("%(first)s and %(last)s"), { first: words.join(", "), last }) : last;
  const sentence = interpolate(ngettext("%(things)s was ignored.", "%(things)s were ignored.", ignored.length), { things });
  return `${sentence[0].toUpperCase()}${sentence.slice(1)}`;
}

function counted(kind, count) {
  switch (kind) {
    case "point":
      return ngettext("a point", "%(count)s points", count);
    case "dash":
      return ngettext("a dash", "%(count)s dashes", count);
    case "letter":
      return ngettext("a letter", "%(count)s letters", count);
    case "print":
      return ngettext("a print", "%(count)s prints", count);
    default:
      return `%(count)s × ${kind}`;
  }
}
