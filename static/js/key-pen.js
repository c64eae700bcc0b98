const STEP = 4;
const LONG_STEP = 20;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Draw with keys on the focused canvas: arrow keys move the pen, Space puts it down and lifts it. */
export function drawWithKeys(element, canvas, marks) {
  const crosshair = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  crosshair.classList.add("crosshair");
  let at = null;
  let down = false;

  const show = () => {
    crosshair.setAttribute("cx", at[0]);
    crosshair.setAttribute("cy", at[1]);
    crosshair.setAttribute("r", canvas.penWidth / 2 + 2);
    crosshair.classList.toggle("down", down);
    marks.append(crosshair);
  };
  const lift = () => {
    if (!down) return;
    down = false;
    canvas.penUp();
  };

  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = DIRECTIONS[event.key];
    if (!direction && event.key !== " ") return;
    event.preventDefault();
    if (canvas.isDrawing && !down) return; // A pointer is drawing.
    const [width, height] = canvas.page;
    at ??= [width / 2, height / 4];
    if (direction) {
      const step = event.shiftKey ? LONG_STEP : STEP;
      const clamp = (value, most) => Math.min(Math.max(value, 0), most);
      at = [clamp(at[0] + direction[0] * step, width), clamp(at[1] + direction[1] * step, height)];
      if (down) canvas.penMove(at);
    } else if (down) {
      lift();
    } else {
      down = true;
      canvas.penDown(at);
    }
    show();
  });
  element.addEventListener("blur", () => {
    lift();
    crosshair.remove();
  });
  // Drawing with a pointer ends drawing with keys.
  element.addEventListener("pointerdown", () => {
    lift();
    crosshair.remove();
  }, { capture: true });
}
