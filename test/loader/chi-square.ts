/** Pearson's statistic of counts whose expected shares are in these proportions. */
export function chiSquare(
  observed: readonly number[],
  proportions: readonly number[] = observed.map(() => 1),
): number {
  const count = observed.reduce((sum, one) => sum + one, 0);
  const total = proportions.reduce((sum, one) => sum + one, 0);
  return observed.reduce((sum, one, index) => {
    const expected = (count * (proportions[index] ?? 0)) / total;
    return sum + (one - expected) ** 2 / expected;
  }, 0);
}

/** The 0.9999 quantile of chi-square by Wilson and Hilferty. */
export function chiSquareLimit(degrees: number): number {
  return degrees * (1 - 2 / (9 * degrees) + 3.719 * Math.sqrt(2 / (9 * degrees))) ** 3;
}
