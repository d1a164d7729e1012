// Plain JavaScript of 2019: an old Node must be able to read it.

/** Whether a Node version such as "24.12.0" is in a range made of "^24.12" and ">=26" joined by "||". */
export function isInRange(version, range) {
  return range.split("||").some((alternative) => {
    const lowest = alternative.trim().replace(/^(\^|>=)/, "");
    const isSameMajor = parseInt(version, 10) === parseInt(lowest, 10);
    return isAtLeast(version, lowest) && (isSameMajor || alternative.trim().startsWith(">="));
  });
}

function isAtLeast(version, lowest) {
  const numbers = version.split(".").map(Number);
  const bounds = lowest.split(".").map(Number);
  const differing = bounds.findIndex((bound, index) => bound !== numbers[index]);
  return differing === -1 || numbers[differing] > bounds[differing];
}
