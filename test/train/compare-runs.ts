import type { MetricsLine } from "../../src/train/run/run-folder.ts";

/** How far two sets of weights are from one another. */
export interface WeightDistance {
  /** Of the difference's L2 norm to the norm of the first. */
  readonly relativeL2: number;
  /** Over all weights but the keys' biases, which cancel in the softmax: their gradients are nothing but rounding. */
  readonly largest: number;
}

type NamedValues = ReadonlyMap<string, ArrayLike<number>>;

export function weightDistance(some: NamedValues, others: NamedValues): WeightDistance {
  let [difference, norm, largest] = [0, 0, 0];
  for (const [name, values] of some) {
    const other = others.get(name);
    if (other?.length !== values.length) throw new RangeError(`${name} is not in both`);
    for (const [place, value] of Array.from(values).entries()) {
      const distance = Math.abs(value - (other[place] ?? Number.NaN));
      difference += distance ** 2;
      norm += value ** 2;
      if (!name.endsWith("self.key.bias")) largest = Math.max(largest, distance);
    }
  }
  return { relativeL2: Math.sqrt(difference / norm), largest };
}

function measuresOf({ gradientNorm, loss, parts }: MetricsLine): number[] {
  return [loss, gradientNorm, ...Object.values(parts)];
}

/** The largest difference of any measure at any step, relative where the measure is above 1; infinite where the steps differ. */
export function traceDistance(
  some: readonly MetricsLine[],
  others: readonly MetricsLine[],
): number {
  if (some.length !== others.length) return Number.POSITIVE_INFINITY;
  const distances = some.flatMap((line, place) => {
    const other = others[place];
    if (other?.step !== line.step) return Number.POSITIVE_INFINITY;
    const expected = measuresOf(other);
    return measuresOf(line).map(
      (value, index) => Math.abs(value - (expected[index] ?? Infinity)) / Math.max(1, value),
    );
  });
  return Math.max(...distances);
}
