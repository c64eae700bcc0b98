const SVG = "http://www.w3.org/2000/svg";
const ABOVE = 6; // Pixels from the foot of a label to its box.
const SIZE = [11, 17]; // Of a label, in pixels.

/** Return SVG groups with the box and the label of each digit. */
export function boxes(digits) {
  const taken = digits.map((digit) => digit.box);
  return digits.map((digit) => {
    const group = document.createElementNS(SVG, "g");
    const rect = document.createElementNS(SVG, "rect");
    const text = document.createElementNS(SVG, "text");
    const [x, y, width, height] = digit.box;
    for (const [name, value] of Object.entries({ x, y, width, height, rx: 4 })) rect.setAttribute(name, value);
    const foot = footOf(digit.box, taken);
    taken.push([x, foot - SIZE[1], ...SIZE]);
    text.setAttribute("x", x);
    text.setAttribute("y", foot);
    text.textContent = digit.label;
    group.append(rect, text);
    return group;
  });
}

/** Place a label above its box, else below it, else inside: where no box and no other label is. */
function footOf([x, y, , height], taken) {
  const feet = [y - ABOVE, y + height + SIZE[1]];
  const isFree = (foot) => foot >= SIZE[1] - 3 && !taken.some((other) => meet([x, foot - SIZE[1] + 1, SIZE[0], SIZE[1] - 2], other));
  return feet.find(isFree) ?? y + SIZE[1];
}

function meet([x, y, width, height], [left, top, across, down]) {
  return x < left + across && left < x + width && y < top + down && top < y + height;
}
