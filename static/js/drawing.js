/**
 * A list of strokes with undo and redo. A stroke is {width, points: [[x, y], …]} in pixels of the page; an eraser
 * stroke also has {erases: true}. Event: "change" after every step.
 */
export class Drawing extends EventTarget {
  strokes = [];
  #past = [];
  #future = [];

  /** Replace the strokes and forget the undo history. */
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
    this.#replace([...this.strokes, stroke]);
  }

  clear() {
    if (!this.isEmpty) this.#replace([]);
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

  #replace(strokes) {
    this.#past.push(this.strokes);
    this.#future = [];
    this.strokes = strokes;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Draw strokes on a transparent canvas, as smooth curves through the midpoints of their points. */
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
    // A line of zero length is not drawn: give a dot a tiny length.
    const [x, y] = points.at(-1);
    context.lineTo(x + (points.length === 1 ? 0.01 : 0), y);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}
