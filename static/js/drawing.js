/**
 * A drawing: strokes, with undo and redo. Strokes are {width, points: [[x, y], …]} in pixels of the page;
 * one that erases has {erases: true} too.
 * Tells "change" after every step.
 */
export class Drawing extends EventTarget {
  strokes = [];
  #past = [];
  #future = [];

  /** Take up strokes of before, such as were on the sheet when the page was left. */
  restore(strokes) {
    this.strokes = strokes;
    this.#past = [];
    this.#future = [];
    this.#tell();
  }

  get isEmpty() {
    return this.#ink.length === 0;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  add(stroke) {
    if (stroke.erases && this.isEmpty) return;
    this.#become([...this.strokes, stroke]);
  }

  clear() {
    if (!this.isEmpty) this.#become([]);
  }

  undo() {
    if (!this.canUndo) return;
    this.#future.push(this.strokes);
    this.strokes = this.#past.pop();
    this.#tell();
  }

  redo() {
    if (!this.canRedo) return;
    this.#past.push(this.strokes);
    this.strokes = this.#future.pop();
    this.#tell();
  }

  /** Return [right, bottom] of the ink. */
  get extent() {
    let [right, bottom] = [0, 0];
    for (const { width, points } of this.#ink) {
      for (const [x, y] of points) {
        right = Math.max(right, x + width / 2);
        bottom = Math.max(bottom, y + width / 2);
      }
    }
    return [right, bottom];
  }

  get #ink() {
    return this.strokes.filter(({ erases }) => !erases);
  }

  #become(strokes) {
    this.#past.push(this.strokes);
    this.#future = [];
    this.strokes = strokes;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Draw strokes as smooth curves through the middles between their points, on what is transparent. */
export function paint(context, strokes, colour) {
  context.strokeStyle = colour;
  context.lineCap = context.lineJoin = "round";
  for (const { width, points, erases } of strokes) {
    context.globalCompositeOperation = erases ? "destination-out" : "source-over";
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(...points[0]);
    for (let i = 1; i < points.length - 1; i++) {
      const [x, y] = points[i];
      const [nextX, nextY] = points[i + 1];
      context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    }
    // A dot is a line too short to see: one of no length would not be drawn.
    const [x, y] = points.at(-1);
    context.lineTo(x + (points.length === 1 ? 0.01 : 0), y);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}
