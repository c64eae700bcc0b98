const STEP = 1 / 50; // Of the picture's side, for each key.
const MIN_SIDE = 8; // Pixels: a smaller drag was a click.
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Selects a part of a picture with a pointer or with keys. At first the whole picture is selected. */
export class CropBox {
  #svg;
  #size = [1, 1];
  #box;
  #from = null;

  constructor(svg) {
    this.#svg = svg;
    svg.addEventListener("pointerdown", (event) => {
      this.#from = this.#point(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => this.#from && this.#drag(this.#point(event)));
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (this.#from = null));
    svg.addEventListener("keydown", (event) => this.#key(event));
  }

  /** [x, y, width, height] in pixels of the picture. */
  get box() {
    const [x, y, width, height] = this.#box;
    const [left, top] = [Math.round(x), Math.round(y)];
    return [left, top, Math.round(x + width) - left, Math.round(y + height) - top];
  }

  /** Select the whole of a picture of this size. */
  reset([width, height]) {
    this.#size = [width, height];
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#select([0, 0, width, height]);
  }

  #point({ clientX, clientY }) {
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(this.#svg.getScreenCTM().inverse());
    return [clamp(x, 0, this.#size[0]), clamp(y, 0, this.#size[1])];
  }

  #drag([x, y]) {
    const [fromX, fromY] = this.#from;
    const [width, height] = [Math.abs(x - fromX), Math.abs(y - fromY)];
    if (width >= MIN_SIDE && height >= MIN_SIDE) this.#select([Math.min(x, fromX), Math.min(y, fromY), width, height]);
  }

  #key(event) {
    const direction = DIRECTIONS[event.key];
    if (!direction) return;
    event.preventDefault();
    let [x, y, width, height] = this.#box;
    const [across, down] = direction.map((sign, side) => sign * this.#size[side] * STEP);
    if (event.shiftKey) {
      width = clamp(width + across, MIN_SIDE, this.#size[0] - x);
      height = clamp(height + down, MIN_SIDE, this.#size[1] - y);
    } else {
      x = clamp(x + across, 0, this.#size[0] - width);
      y = clamp(y + down, 0, this.#size[1] - height);
    }
    this.#select([x, y, width, height]);
  }

  #select([x, y, width, height]) {
    this.#box = [x, y, width, height];
    const [right, bottom] = this.#size;
    const inner = `M${x} ${y}h${width}v${height}h${-width}z`;
    this.#svg.querySelector("path").setAttribute("d", `M0 0h${right}v${bottom}h${-right}z${inner}`);
    for (const [name, value] of Object.entries({ x, y, width, height })) this.#svg.querySelector("rect").setAttribute(name, value);
  }
}
