/** Keeps the strokes of an unsaved drawing in the tab, so that they survive a reload. */
const NAME = "drawing";

const isStroke = ({ width, points }) => width > 0 && points.length > 0 && points.flat().every(Number.isFinite);

/** Return the kept strokes. */
export function keptStrokes() {
  try {
    const strokes = JSON.parse(sessionStorage.getItem(NAME)) ?? [];
    return strokes.every(isStroke) ? strokes : [];
  } catch {
    return []; // Storage is off, or holds something else.
  }
}

export function keepStrokes(strokes) {
  try {
    if (strokes.length) sessionStorage.setItem(NAME, JSON.stringify(strokes));
    else sessionStorage.removeItem(NAME);
  } catch {
    // Storage is off or full: a reload loses the drawing.
  }
}
