/** Say a probability as a percentage, never rounding to certainty. */
export function percent(share) {
  if (share >= 0.9995) return "> 99.9 %";
  if (share < 0.0005) return "< 0.1 %";
  return `${(share * 100).toFixed(1)} %`;
}

/** Say a confidence in words, as the site's pages do. */
export function sureness(confidence) {
  if (confidence >= 0.98) return "Very sure";
  if (confidence >= 0.9) return "Fairly sure";
  if (confidence >= 0.6) return "Not so sure";
  return "Little more than a guess";
}
