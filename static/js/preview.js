const PAUSE = 30; // ms: a key that is held down undoes faster than that, nobody writes so.

/**
 * Ask for the reading of what is on the sheet, a moment after it changed. At most one answer is under way;
 * a stale one is dropped. `ask(signal)` returns a promise of the reading.
 */
export class Preview {
  #ask;
  #onReading;
  #onRefusal;
  #timer;
  #underWay = null;

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
    this.#underWay?.abort();
    this.#underWay = null;
  }

  async #now() {
    const mine = (this.#underWay = new AbortController());
    try {
      const reading = await this.#ask(mine.signal);
      if (this.#underWay === mine) this.#onReading(reading);
    } catch (error) {
      if (this.#underWay === mine) this.#onRefusal(error);
    }
  }
}
