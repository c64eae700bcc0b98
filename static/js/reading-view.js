import { percent, sureness } from "./confidence.js";

const SVG = "http://www.w3.org/2000/svg";
const ALTERNATIVES = 3;
const LABEL_ROOM = 20; // Pixels above a box for its label; where there are fewer it goes below.

/** Shows a reading: the number, how sure it is, a box on the sheet and the likely labels for each digit. */
export class ReadingView {
  #text;
  #sureness;
  #digits;
  #page;
  #marks;

  constructor(page, marks) {
    this.#page = page;
    this.#marks = marks;
    this.#text = page.querySelector(".reading-text");
    this.#sureness = page.querySelector(".reading-sureness");
    this.#digits = page.querySelector(".digits");
  }

  show({ text, confidence, digits }) {
    this.#say(text, false);
    this.#sureness.textContent = `${sureness(confidence)} · ${percent(confidence)}`;
    this.#digits.replaceChildren(...digits.map(digitCard));
    this.#mark(digits);
  }

  /** Show a sentence instead of a reading. */
  tell(sentence) {
    this.#say(sentence, true);
    this.#sureness.textContent = "";
    this.#digits.replaceChildren();
    this.#mark([]);
  }

  /** Fade what is shown: it is not of the sheet as it is now. */
  fade() {
    this.#page.classList.add("stale");
  }

  fit([width, height]) {
    this.#marks.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  #say(text, inWords) {
    this.#page.classList.remove("stale");
    this.#text.classList.toggle("words", inWords);
    this.#text.classList.toggle("long", !inWords && text.length > 7);
    // Saying the same again would be read aloud again.
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  #mark(digits) {
    this.#marks.querySelectorAll("g").forEach((group) => group.remove());
    this.#marks.prepend(...digits.map(box));
  }
}

function box({ label, box: [x, y, width, height] }) {
  const group = document.createElementNS(SVG, "g");
  const rect = document.createElementNS(SVG, "rect");
  const text = document.createElementNS(SVG, "text");
  for (const [name, value] of Object.entries({ x, y, width, height, rx: 4 })) rect.setAttribute(name, value);
  text.setAttribute("x", x);
  text.setAttribute("y", y > LABEL_ROOM ? y - 6 : y + height + 17);
  text.textContent = label;
  group.append(rect, text);
  return group;
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
