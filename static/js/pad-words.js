import { TEXTS } from "./pad-texts.js";

/** Texts of <digit-pad> in a language; in English if there is no translation. Pages of other sites load no catalogue. */
export class Words {
  #texts;

  constructor(language) {
    const known = language.split("-")[0].toLowerCase();
    this.language = known in TEXTS ? known : "en";
    this.#texts = TEXTS[known] ?? {};
  }

  gettext = (text) => this.#texts[text] ?? text;

  ngettext = (one, many, count) => (this.#texts[one] ?? [one, many])[count === 1 ? 0 : 1];
}

/** Return the language of an element: its own `lang`, or that of its nearest ancestor with one; "" if there is none. */
export function languageOf(element) {
  const { lang } = element.closest("[lang]") ?? element;
  const { host } = element.getRootNode();
  return lang || !host ? lang : languageOf(host);
}
