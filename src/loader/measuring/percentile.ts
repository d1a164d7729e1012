/** The nearest-rank percentile of values in any order: `share` 0.5 is the median, 1 the largest; 0 of no values. */
export function percentile(values: readonly number[], share: number): number {
  const rank = Math.max(1, Math.ceil(share * values.length));
  return values.toSorted((one, other) => one - other)[rank - 1] ?? 0;
}
