/**
 * A quantile by nearest rank: the smallest value that at least `share` of the values do not exceed. Raising a value never
 * lowers it. @throws RangeError without values
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil(share * sorted.length)));
  const value = sorted[rank - 1];
  if (value === undefined) throw new RangeError("a quantile needs values");
  return value;
}
