/** How many rows a unit has, and the sum of their hashes modulo 2^64: equal for equal rows in any order. */
export interface Sums {
  readonly rows: bigint;
  readonly hash: bigint;
}

export const noRows: Sums = { rows: 0n, hash: 0n };

/** The sums with more rows, or fewer. */
export function moved(sums: Sums, by: Sums): Sums {
  // As SQLite's integers hold it.
  return { rows: sums.rows + by.rows, hash: BigInt.asIntN(64, sums.hash + by.hash) };
}

export function isSameSums(a: Sums, b: Sums): boolean {
  return a.rows === b.rows && a.hash === b.hash;
}
