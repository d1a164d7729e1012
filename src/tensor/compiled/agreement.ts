import * as tf from "@tensorflow/tfjs-core";

/**
 * How far two runs' results lie apart: of each result the largest difference over its largest magnitude, and of
 * these the greatest. Whole numbers that differ count as 1. Undefined where a result of the first run is not finite.
 */
export function largestDifference(
  expected: readonly tf.Tensor[],
  actual: readonly tf.Tensor[],
): { readonly difference: number; readonly place: number } | undefined {
  const differences = expected.map((tensor, place) => differenceOf(tensor, actual[place]));
  if (differences.includes(undefined)) return undefined;
  let [difference, worst] = [0, 0];
  for (const [place, found = 0] of differences.entries()) {
    // A result that is not finite where the other is differs without measure.
    const value = Number.isFinite(found) ? found : Number.POSITIVE_INFINITY;
    if (value > difference) [difference, worst] = [value, place];
  }
  return { difference, place: worst };
}

function differenceOf(expected: tf.Tensor, actual: tf.Tensor | undefined): number | undefined {
  if (actual === undefined || actual.shape.join() !== expected.shape.join()) return 1;
  if (expected.size === 0) return 0;
  return tf.tidy(() => {
    if (expected.dtype !== "float32") {
      return tf.all(tf.equal(expected, actual)).dataSync()[0] === 1 ? 0 : 1;
    }
    const magnitude = tf.max(tf.abs(expected)).dataSync()[0] ?? 0;
    if (!Number.isFinite(magnitude)) return undefined;
    const apart = tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0] ?? 0;
    return apart === 0 ? 0 : apart / magnitude;
  });
}
