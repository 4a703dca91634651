import { intHash64, modulo64, type BarSums, type UnitOutline } from "../store/index.ts";

/**
 * Do these sums prove that a build's rows are exactly the bars that were committed, and that they follow each other by id wherever
 * coverage does? Order-free: of bars that tile a stretch of ids, each last id + 1 is the next one's first id, so that in the sum of
 * hashes all but the stretch's two ends cancel out; and the attempts' hashes add up to coverage's only where no other
 * attempt's row is among them. A false `true` would take sums of 64-bit hashes that agree by chance.
 * @returns false where they do not, or where quarantined ids leave gaps that only an ordered look can judge
 */
export function areBarsProven(unit: UnitOutline, sums: BarSums | undefined): boolean {
  if (!areAllThere(unit, sums)) return false;
  if (sums === undefined) return true;
  if (unit.quarantined > 0 || sums.firstId !== unit.fromId) return false;
  return modulo64(sums.idsHash) === expectedHash(unit, sums.lastId);
}

/** Are as many rows there as were committed, by the attempts that committed them? Then none of them is lost. */
export function areAllThere(unit: UnitOutline, sums: BarSums | undefined): boolean {
  const committed = unit.bars + unit.orphans;
  if (sums === undefined) return committed === 0;
  return sums.rows === committed && modulo64(sums.attemptsHash) === modulo64(unit.attemptsHash);
}

function expectedHash({ fromId, breaks }: UnitOutline, lastId: bigint): bigint {
  let hash = intHash64(fromId);
  for (const { beforeThroughId, afterFromId } of breaks) {
    // Behind this hole all that there is may still be forming.
    if (afterFromId > lastId) break;
    hash += intHash64(afterFromId) - intHash64(beforeThroughId + 1n);
  }
  return modulo64(hash - intHash64(lastId + 1n));
}
