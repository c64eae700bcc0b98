/** Texts and numbers in the language of the page. Its catalogue is loaded by a script before; English needs none. */
const catalogue = globalThis.django ?? {};
export const language = document.documentElement.lang || "en"; // A page of another site may have no lang attribute.

export const gettext = catalogue.gettext ?? ((text) => text);
export const ngettext = catalogue.ngettext ?? ((one, many, count) => (count === 1 ? one : many));

/** Fill in placeholders: `interpolate("%(count)s dashes", { count: 2 })`. */
export function interpolate(text, values) {
  return text.replace(/%\((\w+)\)s/g, (place, name) => values[name]);
}

/** The user's regional variant of the page's language, such as en-GB. */
export const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;

export function formatNumber(number, decimals = 0) {
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return new Intl.NumberFormat(language, digits).format(number);
}
