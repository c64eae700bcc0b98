const SVG = "http://www.w3.org/2000/svg";
const LABEL_ROOM = 20; // Pixels that a label needs above its box; otherwise it is shown below.

/** Return SVG groups with the box and the label of each digit. */
export function boxes(digits) {
  return digits.map(box);
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
