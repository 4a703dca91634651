/** The order of texts, by their code units, and of ids; for `toSorted`. */
export function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
