/** Return likely corrections of a reading: its least sure digit replaced by the next likely labels. */
export function likelyNumbers(digits, count = 3) {
  if (!digits.length) return [];
  const doubtful = digits.reduce((one, other) => (other.confidence < one.confidence ? other : one));
  const labels = doubtful.probabilities.map((share, label) => ({ share, label }));
  const others = labels.filter(({ label }) => label !== doubtful.label).sort((one, other) => other.share - one.share);
  return others.slice(0, count).map(({ label }) => textOf(digits, doubtful, label));
}

function textOf(digits, changed, label) {
  const lines = new Map();
  for (const digit of digits) lines.set(digit.line, (lines.get(digit.line) ?? "") + (digit === changed ? label : digit.label));
  return [...lines.values()].join("\n");
}
