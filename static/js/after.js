import { likelyNumbers } from "./likely.js";
import { rightNumberIn } from "./right-number.js";
import { gettext, interpolate } from "./words.js";

/**
 * The part of the page below a reading: corrections in one click, and links after saving.
 * `onCorrection(text)` is called with the corrected number.
 */
export class After {
  #page;
  #likely;
  #field;

  constructor(page, onCorrection) {
    this.#page = page;
    this.#likely = page.querySelector(".likely");
    this.#field = page.querySelector("#right-number");
    this.#likely.addEventListener("click", ({ target }) => target.value && onCorrection(target.value));
    page.querySelector(".other form").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = rightNumberIn(this.#field);
      if (text !== null) onCorrection(text);
    });
  }

  /** Offer likely corrections of a reading. */
  offer({ text, digits }) {
    this.#likely.replaceChildren(...likelyNumbers(digits).map(choice));
    this.#field.value = text.replaceAll("\n", " ");
    this.#show(".correction", true);
  }

  /** Hide the corrections and links: the drawing has changed. */
  withdraw() {
    this.#show(".correction", false);
    this.#show(".saved", false);
    this.#page.querySelector(".other").open = false;
  }

  /** Show that the drawing is saved, with a link to its page. */
  save(address) {
    this.#page.querySelector(".saved a").href = address;
    this.#show(".saved", true);
    this.tell(gettext("Saved."));
  }

  /** Show that a correction was stored. */
  thank(text) {
    this.#show(".correction", false);
    this.tell(interpolate(gettext("Saved. You said: %(text)s. Thank you."), { text: text.replaceAll("\n", " ") }));
  }

  /** Show a message. */
  tell(words) {
    this.#page.querySelector(".saved-words").textContent = words;
  }

  #show(part, shown) {
    this.#page.querySelector(part).hidden = !shown;
  }
}

function choice(text) {
  const button = document.createElement("button");
  button.type = "button";
  button.value = text;
  button.textContent = text.replaceAll("\n", " ");
  return button;
}
