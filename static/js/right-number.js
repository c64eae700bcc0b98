/** Fields in which somebody types the right number. */
import { gettext } from "./words.js";

const NUMBER = /^[0-9]+(\s+[0-9]+)*$/;

/** Return what a field says, a line of text for each line of digits, or null where it is no number, which it then says. */
export function rightNumberIn(field) {
  const text = field.value.trim();
  const isNumber = NUMBER.test(text);
  field.setCustomValidity(isNumber ? "" : gettext("Digits only, a space between two lines."));
  field.addEventListener("input", () => field.setCustomValidity(""), { once: true });
  if (!isNumber) field.reportValidity();
  return isNumber ? text.split(/\s+/).join("\n") : null;
}
