const PAUSE = 30; // ms: longer than the repeat of a held undo key, shorter than any pause between strokes.

/**
 * Asks for the reading of the drawing shortly after it changed. At most one request is pending; a newer one aborts it.
 * `ask(signal)` returns a promise of the reading.
 */
export class Preview {
  #ask;
  #onReading;
  #onRefusal;
  #timer;
  #pending = null;

  constructor({ ask, onReading, onRefusal }) {
    this.#ask = ask;
    this.#onReading = onReading;
    this.#onRefusal = onRefusal;
  }

  soon() {
    this.stop();
    this.#timer = setTimeout(() => this.#now(), PAUSE);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#pending?.abort();
    this.#pending = null;
  }

  async #now() {
    const mine = (this.#pending = new AbortController());
    try {
      const reading = await this.#ask(mine.signal);
      if (this.#pending === mine) this.#onReading(reading);
    } catch (error) {
      if (this.#pending === mine) this.#onRefusal(error);
    }
  }
}
