/** Tells of pictures that are sent together how many are read, and how many of those have to be looked at. */
import { gettext, interpolate } from "./words.js";

export class Sum {
  #bar;
  #status;
  #states = new Map(); // Of each upload: waiting, sure, unsure, refused or queued.

  constructor(bar, status) {
    this.#bar = bar;
    this.#status = status;
  }

  /** Note what became of an upload. */
  note(upload, state) {
    this.#states.set(upload, state);
    const all = this.#states.size;
    const done = all - this.#count("waiting");
    const words = this.#bar.querySelector(".sum-words");
    words.replaceChildren(...this.#parts(done, all).flatMap((part) => [" · ", part]).slice(1));
    this.#bar.hidden = all < 2;
    const progress = this.#bar.querySelector("progress");
    progress.max = all;
    progress.value = done;
    // Each picture tells of itself; this is for the end.
    if (done === all && all > 1) this.#status.textContent = words.textContent;
  }

  #count(...states) {
    return [...this.#states.values()].filter((state) => states.includes(state)).length;
  }

  #parts(done, all) {
    const unsure = interpolate(gettext("%(count)s of them unsure"), { count: this.#count("unsure") });
    const parts = [
      [all - done, interpolate(gettext("%(done)s of %(all)s"), { done, all })],
      [this.#count("sure", "unsure"), interpolate(gettext("%(count)s read"), { count: this.#count("sure", "unsure") })],
      // Whoever left before the end would not send the rest.
      [this.#count("unsure"), done < all ? unsure : this.#link(unsure)],
      [this.#count("refused"), interpolate(gettext("%(count)s not read"), { count: this.#count("refused") })],
      [this.#count("queued"), interpolate(gettext("%(count)s in a batch"), { count: this.#count("queued") })],
    ];
    return parts.filter(([count]) => count).map(([, part]) => part);
  }

  #link(words) {
    const link = document.createElement("a");
    link.href = this.#bar.dataset.unsureUrl;
    link.textContent = words;
    return link;
  }
}
