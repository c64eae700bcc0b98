import { paint } from "./drawing.js";

const MIN_STEP = 0.7; // Points nearer to the last one add only noise.
const MIN_ERASER = 28;
const TIP = 0; // PointerEvent.button of a pen's tip, a finger or the left mouse button.
const ERASER_END = 5; // PointerEvent.button of a pen's eraser.

/**
 * Shows a Drawing, scaled to fit, and takes strokes from mouse, touch and pen.
 * Events: "penup" after a stroke, finished or cancelled; "resize" when the size of the page changed.
 */
export class Canvas extends EventTarget {
  penWidth = 14;
  erases = false;
  #canvas;
  #drawing;
  #context;
  #stroke = null;
  #pointer = null;
  #fingers = new Set();
  #byFinger = false;
  #size = [0, 0];
  #asked = false;

  constructor(canvas, drawing) {
    super();
    this.#canvas = canvas;
    this.#drawing = drawing;
    this.#context = canvas.getContext("2d");
    drawing.addEventListener("change", () => this.#refit());
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#cancel(event));
    this.#resize();
  }

  /** Follow changes of size and theme until the signal aborts. */
  follow(signal) {
    const sizes = new ResizeObserver(() => this.#resize());
    sizes.observe(this.#canvas);
    signal.addEventListener("abort", () => sizes.disconnect());
    addEventListener("resize", () => this.#resize(), { signal }); // Also fired when the window moves to a denser screen.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show(), { signal });
    document.documentElement.addEventListener("themechange", () => this.show(), { signal });
  }

  /** Screen pixels per pixel of the page: less than 1 if the ink would not fit. */
  get scale() {
    const [right, bottom] = this.#drawing.extent;
    const [width, height] = this.#size;
    return Math.min(1, width / (right || 1), height / (bottom || 1)) || 1;
  }

  /** [width, height] of the picture in pixels. */
  get page() {
    return this.#size.map((length) => Math.max(1, Math.round(length / this.scale)));
  }

  get isDrawing() {
    return this.#stroke !== null;
  }

  /**
   * Return the drawing as a PNG, black on white in any theme. Uses toDataURL because toBlob waits until the browser is
   * idle, which can take a second.
   */
  picture() {
    const page = document.createElement("canvas");
    [page.width, page.height] = this.page;
    const context = page.getContext("2d", { willReadFrequently: true });
    paint(context, this.#drawing.strokes, "#000");
    context.globalCompositeOperation = "destination-over";
    context.fillStyle = "#fff";
    context.fillRect(0, 0, page.width, page.height);
    const bytes = atob(page.toDataURL("image/png").split(",")[1]);
    return new Blob([Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))], { type: "image/png" });
  }

  penDown(point, erases = this.erases) {
    const width = erases ? Math.max(MIN_ERASER, 2 * this.penWidth) : this.penWidth;
    this.#stroke = { width, points: [point], ...(erases && { erases }) };
    this.show();
  }

  penMove(point) {
    const [x, y] = this.#stroke.points.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) < MIN_STEP) return;
    this.#stroke.points.push(point);
    this.show();
  }

  penUp() {
    const stroke = this.#stroke;
    this.#stroke = null;
    this.#drawing.add(stroke);
    this.dispatchEvent(new Event("penup"));
  }

  /** Paint at the next frame. */
  show() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#paint();
    });
  }

  #paint() {
    const context = this.#context;
    const scale = this.scale * (this.#canvas.width / (this.#size[0] || 1));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const colour = getComputedStyle(this.#canvas).color;
    const strokes = this.#stroke ? [...this.#drawing.strokes, this.#stroke] : this.#drawing.strokes;
    paint(context, strokes, colour);
  }

  #resize() {
    const { clientWidth, clientHeight } = this.#canvas;
    const density = devicePixelRatio || 1;
    this.#size = [clientWidth, clientHeight];
    this.#canvas.width = Math.round(clientWidth * density);
    this.#canvas.height = Math.round(clientHeight * density);
    this.#paint();
    this.dispatchEvent(new Event("resize"));
  }

  #refit() {
    this.show();
    this.dispatchEvent(new Event("resize"));
  }

  #point(event) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    const scale = this.scale;
    return [(event.clientX - left) / scale, (event.clientY - top) / scale];
  }

  #down(event) {
    const isFinger = event.pointerType === "touch";
    if (isFinger && event.isPrimary) this.#fingers.clear();
    if (isFinger) this.#fingers.add(event.pointerId);
    // A second finger pinches or scrolls, and a pen writes beside a resting hand: cancel the finger's stroke.
    if (this.#pointer !== null && this.#byFinger) this.#cancelStroke();
    const isMine = event.button === TIP || event.button === ERASER_END;
    if (this.isDrawing || !isMine || (isFinger && this.#fingers.size > 1)) return;
    this.#pointer = event.pointerId;
    this.#byFinger = isFinger;
    this.#canvas.setPointerCapture(event.pointerId);
    this.penDown(this.#point(event), this.erases || event.button === ERASER_END);
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const step of between.length ? between : [event]) this.penMove(this.#point(step));
  }

  #up(event) {
    this.#fingers.delete(event.pointerId);
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.penUp();
  }

  #cancel(event) {
    this.#fingers.delete(event.pointerId);
    if (event.pointerId === this.#pointer) this.#cancelStroke();
  }

  #cancelStroke() {
    this.#pointer = null;
    this.#stroke = null;
    this.show();
    this.dispatchEvent(new Event("penup"));
  }
}
