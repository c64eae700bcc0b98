/** A drawing outlives a reload: its strokes are kept in the tab, and go with it. */
const NAME = "drawing";

const isStroke = ({ width, points }) => width > 0 && points.length > 0 && points.flat().every(Number.isFinite);

/** Return the strokes that were kept, none where there are none. */
export function keptStrokes() {
  try {
    const strokes = JSON.parse(sessionStorage.getItem(NAME)) ?? [];
    return strokes.every(isStroke) ? strokes : [];
  } catch {
    return []; // Storage is off, or holds what is no drawing.
  }
}

export function keepStrokes(strokes) {
  try {
    if (strokes.length) sessionStorage.setItem(NAME, JSON.stringify(strokes));
    else sessionStorage.removeItem(NAME);
  } catch {
    // Storage is off or full: the drawing is as it was without it.
  }
}
