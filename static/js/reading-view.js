import { ignoredWords, percent, sureness } from "./confidence.js";
import { gettext } from "./words.js";

const READING = gettext("Reading…");
const ALTERNATIVES = 3;

/**
 * Shows a reading: the number, how sure it is, and the likely labels for each digit.
 * Screen readers announce each new reading once.
 */
export class ReadingView {
  #reading;
  #text;
  #told;
  #sureness;
  #digits;
  #page;

  constructor(page) {
    this.#page = page;
    this.#reading = page.querySelector(".reading");
    this.#told = page.querySelector(".reading-told");
    this.#text = page.querySelector(".reading-text");
    this.#sureness = page.querySelector(".reading-sureness");
    this.#digits = page.querySelector(".digits");
  }

  show(reading) {
    const { text, confidence, sure, digits, ignored = [] } = reading;
    this.#write(text, false);
    this.#text.classList.toggle("unsure", !sure);
    const facts = [`${sureness(reading)} · ${percent(confidence)}`, ignoredWords(ignored)];
    this.#sureness.textContent = facts.filter(Boolean).join(". ");
    this.say(`${text.replaceAll("\n", ", ")}. ${sure ? "" : sureness(reading)}`);
    this.#digits.replaceChildren(...digits.map(digitCard));
  }

  /** Show a message instead of a reading. */
  tell(sentence) {
    this.#forget(sentence);
    this.say(sentence);
  }

  /** Show that the drawing is being read, and grey out the previous reading. */
  read() {
    if (!this.#reading.classList.contains("read")) this.#forget(READING);
    this.#page.classList.add("stale");
    this.#sureness.textContent = this.#text.textContent === READING ? "" : READING;
  }

  /** Let screen readers announce a message. */
  say(sentence) {
    // Setting the same text again would repeat it.
    if (this.#told.textContent !== sentence) this.#told.textContent = sentence;
  }

  #forget(sentence) {
    this.#write(sentence, true);
    this.#text.classList.remove("unsure");
    this.#sureness.textContent = "";
    this.#digits.replaceChildren();
  }

  #write(text, inWords) {
    this.#page.classList.remove("stale");
    this.#reading.classList.toggle("read", !inWords);
    this.#text.classList.toggle("words", inWords);
    this.#text.classList.toggle("long", !inWords && text.length > 7);
    this.#text.textContent = text;
  }
}

function digitCard({ label, probabilities }) {
  const card = document.querySelector("#digit").content.cloneNode(true);
  const likely = probabilities
    .map((share, digit) => ({ share, digit }))
    .sort((one, other) => other.share - one.share)
    .slice(0, ALTERNATIVES);
  card.querySelector(".odds").append(...likely.map(({ share, digit }) => odd(digit, share, digit === label)));
  return card;
}

function odd(digit, share, isBest) {
  const row = document.querySelector("#odd").content.cloneNode(true);
  row.querySelector("li").classList.toggle("best", isBest);
  row.querySelector(".label").textContent = digit;
  row.querySelector(".share").textContent = percent(share);
  row.querySelector("rect").setAttribute("width", `${(share * 100).toFixed(1)}%`);
  return row;
}
