import { send } from "./api.js";
import { Canvas } from "./canvas.js";
import { Drawing } from "./drawing.js";
import { drawWithKeys } from "./key-pen.js";
import { boxes } from "./marks.js";
import { SHADOW, STYLE } from "./pad-shadow.js";
import { languageOf, Words } from "./pad-words.js";
import { Preview } from "./preview.js";
import { bindKeys } from "./shortcuts.js";
import { interpolate } from "./words.js";

const PREVIEW = "/api/v1/predictions/preview/";
const NUMBER = /^[0-9]*$/;
const REFUSED = [0, 401, 403]; // Offline or key refused: no later call will succeed either.

/**
 * `<digit-pad>`: a form field for a handwritten or typed number. Its value is digits, or "".
 *
 * Attributes: `name`, `value`, `required`, `disabled`, `min`, `max`, `minlength` and `maxlength` (in digits) as of an
 * input; `key`, a publishable key; `src`, address of the digit reader, by default the site that served this module;
 * `bare` shows the drawing area only; `lang`, by default the page's. Events: `input` and `change` as of an input;
 * `reading` with the API's answer as detail; `refusal` with the error as detail.
 */
export class DigitPad extends HTMLElement {
  static formAssociated = true;
  static observedAttributes = ["required", "min", "max", "minlength", "maxlength", "key", "src"];

  drawing = new Drawing();
  canvas;
  #internals = this.attachInternals();
  #shadow = this.attachShadow({ mode: "open", delegatesFocus: true });
  #sheet;
  #element;
  #marks;
  #field;
  #status;
  #preview;
  #words = new Words("");
  #left = null;
  #isDrawn = false; // Whether the value was read from the sheet.
  #problem = ""; // Why the drawing could not be read.
  #custom = "";

  constructor() {
    super();
    this.#shadow.adoptedStyleSheets = [STYLE];
    this.#shadow.innerHTML = SHADOW;
    const parts = [".sheet", "canvas", ".marks", "input", ".status"].map((part) => this.#shadow.querySelector(part));
    [this.#sheet, this.#element, this.#marks, this.#field, this.#status] = parts;
    const element = this.#element;
    this.canvas = new Canvas(element, this.drawing);
    this.#preview = new Preview({
      ask: (signal) => {
        const url = new URL(PREVIEW, this.src);
        const options = { signal, token: this.getAttribute("key"), words: this.#words };
        return send(url, this.canvas.picture(), "draw", options);
      },
      onReading: (reading) => this.#read(reading),
      onRefusal: (refusal) => this.#refuse(refusal),
    });
    const actions = { undo: () => this.drawing.undo(), clear: () => this.drawing.clear() };
    for (const [name, action] of Object.entries(actions)) this.#button(name).addEventListener("click", action);
    bindKeys({ "Ctrl+Z": actions.undo, "Ctrl+Shift+Z": () => this.drawing.redo(), Delete: actions.clear }, element);
    drawWithKeys(element, this.canvas, this.#marks);
    element.addEventListener("pointerdown", () => {
      this.stop();
      this.#update();
    });
    this.drawing.addEventListener("change", () => this.read());
    this.canvas.addEventListener("penup", () => this.read());
    this.canvas.addEventListener("resize", () => this.#fit());
    this.#field.addEventListener("input", () => this.#type());
    this.#field.addEventListener("change", () => this.#tell("change"));
    // Remove the fallback <input> that the page put inside the element.
    this.#shadow.querySelector("slot").addEventListener("slotchange", () => this.replaceChildren());
    this.addEventListener("focusin", () => this.#update()); // A label may have come since.
    this.#fit();
  }

  connectedCallback() {
    this.#left = new AbortController();
    const { signal } = this.#left;
    for (const change of ["online", "offline"]) addEventListener(change, () => this.#choose(), { signal });
    this.canvas.follow(signal);
    const languages = new MutationObserver(() => this.#speak());
    languages.observe(document.documentElement, { attributeFilter: ["lang"], subtree: true });
    signal.addEventListener("abort", () => languages.disconnect());
    this.#speak();
    this.#field.value ||= this.getAttribute("value") ?? "";
    this.#choose();
    this.#update();
  }

  disconnectedCallback() {
    this.#left.abort();
    this.stop();
  }

  attributeChangedCallback(name) {
    if (["key", "src"].includes(name)) this.#choose();
    this.#update();
  }

  formDisabledCallback(disabled) {
    for (const part of this.#shadow.querySelectorAll("input, button")) part.disabled = disabled;
    this.#element.tabIndex = disabled ? -1 : 0;
    this.#update();
  }

  formResetCallback() {
    this.value = this.getAttribute("value") ?? "";
  }

  formStateRestoreCallback(state) {
    this.value = state;
  }

  /** The number, or "". Setting it clears the drawing. */
  get value() {
    const text = this.#field.value.trim();
    return NUMBER.test(text) ? text : "";
  }

  set value(text) {
    this.#wipe();
    this.#field.value = text;
    this.#update();
  }

  /** Origin of the digit reader that is asked. */
  get src() {
    return new URL(this.getAttribute("src") ?? import.meta.url, document.baseURI).origin;
  }

  get name() {
    return this.getAttribute("name") ?? "";
  }

  get form() {
    return this.#internals.form;
  }

  get disabled() {
    return this.matches(":disabled");
  }

  set disabled(disabled) {
    this.toggleAttribute("disabled", disabled);
  }

  get validity() {
    return this.#internals.validity;
  }

  get validationMessage() {
    return this.#internals.validationMessage;
  }

  get willValidate() {
    return this.#internals.willValidate;
  }

  checkValidity() {
    return this.#internals.checkValidity();
  }

  reportValidity() {
    return this.#internals.reportValidity();
  }

  setCustomValidity(message) {
    this.#custom = message;
    this.#update();
  }

  /** Whether the pen erases. */
  get erases() {
    return this.canvas.erases;
  }

  set erases(erases) {
    this.canvas.erases = erases;
    this.#sheet.classList.toggle("erases", erases);
  }

  /** Read the drawing after a short delay. If it is empty, clear the value instead. */
  read() {
    this.#problem = "";
    if (this.drawing.isEmpty) {
      this.stop();
      this.show({ digits: [] });
      if (this.#isDrawn) this.#take("");
    } else {
      this.#sheet.classList.add("stale");
      this.#preview.soon();
    }
    this.#say("");
    this.#update();
  }

  /** Cancel the reading in progress. */
  stop() {
    this.#preview.stop();
  }

  /** Show the boxes of a reading. */
  show({ digits }) {
    this.#sheet.classList.remove("stale");
    this.#marks.querySelectorAll("g").forEach((group) => group.remove());
    this.#marks.prepend(...boxes(digits));
  }

  get #label() {
    const labels = [...this.#internals.labels].map((label) => label.textContent.trim());
    return this.getAttribute("aria-label") ?? labels.join(" ");
  }

  /** Show all texts in the language of this element. */
  #speak() {
    this.#words = new Words(languageOf(this));
    const { gettext, language } = this.#words;
    const words = {
      ".hint span": gettext("Write here"),
      "#keys": gettext("The arrow keys move the pen, with Shift in longer steps. Space puts the pen down and lifts it again. Control+Z undoes, Delete clears."),
      "[data-action=undo]": gettext("Undo"),
      "[data-action=clear]": gettext("Clear"),
    };
    for (const [part, text] of Object.entries(words)) this.#shadow.querySelector(part).textContent = text;
    for (const part of this.#shadow.children) part.lang = language;
    this.#update();
  }

  #button(action) {
    return this.#shadow.querySelector(`[data-action=${action}]`);
  }

  #fit() {
    const [width, height] = this.canvas.page;
    this.#marks.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  #read(reading) {
    this.show(reading);
    this.#take(reading.text.replaceAll("\n", " "));
    const { gettext } = this.#words;
    this.#say(reading.sure ? `${this.#field.value}.` : `${this.#field.value}. ${gettext("Not sure: please check it.")}`);
    this.#status.classList.toggle("told", reading.sure); // For screen readers only: the field shows the number.
    this.#tell("reading", reading);
  }

  #refuse(refusal) {
    this.show({ digits: [] });
    this.#problem = refusal.message;
    this.#take("");
    if (REFUSED.includes(refusal.status)) this.#choose(false);
    this.#say(refusal.message);
    this.#tell("refusal", refusal);
  }

  #type() {
    this.#isDrawn = false;
    this.#problem = "";
    this.stop();
    this.show({ digits: [] });
    this.#update();
  }

  /** Clear the drawing but keep the value. */
  #wipe() {
    this.#isDrawn = false;
    if (!this.drawing.isEmpty) this.drawing.restore([]);
  }

  /** Make the reading the value. */
  #take(text) {
    this.#isDrawn = !this.drawing.isEmpty;
    this.#field.value = text;
    this.#update();
    this.#tell("input");
    this.#tell("change");
  }

  /** Show the drawing area if drawings can be read; otherwise show the text field only. */
  #choose(reads = navigator.onLine && (this.hasAttribute("key") || this.src === location.origin)) {
    this.#sheet.hidden = !reads && !this.hasAttribute("bare");
    for (const name of ["undo", "clear"]) this.#button(name).hidden = this.#sheet.hidden;
    if (this.#sheet.hidden) this.#wipe();
  }

  #update() {
    this.#sheet.classList.toggle("has-ink", !this.drawing.isEmpty || this.canvas.isDrawing);
    this.#button("undo").disabled = !this.drawing.canUndo || this.disabled;
    this.#button("clear").disabled = this.drawing.isEmpty || this.disabled;
    const { gettext } = this.#words;
    this.#field.setAttribute("aria-label", this.#label || gettext("Number"));
    this.#element.setAttribute("aria-label", this.#label ? interpolate(gettext("%(label)s: drawing area"), { label: this.#label }) : gettext("Drawing area"));
    this.#internals.setFormValue(this.value);
    const [flags, message] = this.#fault();
    this.#internals.setValidity(flags, message, this.#field);
  }

  /** Return [flags, message] for setValidity(). */
  #fault() {
    const { value } = this;
    const { gettext, ngettext } = this.#words;
    const limit = (name) => (this.hasAttribute(name) ? Number(this.getAttribute(name)) : NaN);
    const told = (words, name) => interpolate(words, { limit: limit(name) });
    if (this.#custom) return [{ customError: true }, this.#custom];
    const isBeingRead = this.#sheet.classList.contains("stale");
    if (isBeingRead) return [{ customError: true }, gettext("Still being read. Try again in a moment.")];
    if (this.#problem) return [{ badInput: true }, this.#problem];
    if (!value && this.#field.value.trim()) return [{ badInput: true }, gettext("Write one number, in digits.")];
    if (!value) return this.hasAttribute("required") ? [{ valueMissing: true }, gettext("Write a number.")] : [{}, ""];
    if (value.length < limit("minlength")) return [{ tooShort: true }, told(ngettext("Write at least %(limit)s digit.", "Write at least %(limit)s digits.", limit("minlength")), "minlength")];
    if (value.length > limit("maxlength")) return [{ tooLong: true }, told(ngettext("Write at most %(limit)s digit.", "Write at most %(limit)s digits.", limit("maxlength")), "maxlength")];
    if (Number(value) < limit("min")) return [{ rangeUnderflow: true }, told(gettext("The number must be %(limit)s or more."), "min")];
    if (Number(value) > limit("max")) return [{ rangeOverflow: true }, told(gettext("The number must be %(limit)s or less."), "max")];
    return [{}, ""];
  }

  #say(words) {
    // Setting the same text again would make screen readers repeat it.
    if (this.#status.textContent !== words) this.#status.textContent = words;
    this.#status.classList.remove("told");
  }

  #tell(name, detail) {
    this.dispatchEvent(detail ? new CustomEvent(name, { detail }) : new Event(name, { bubbles: true }));
  }
}

customElements.define("digit-pad", DigitPad);
