/** Ids from `fromId` through `throughId`, both included; empty where `fromId` is the greater. */
export interface IdInterval {
  readonly fromId: bigint;
  readonly throughId: bigint;
}

/** The same ids as intervals that neither touch nor overlap, in order. */
export function mergeIntervals(intervals: readonly IdInterval[]): IdInterval[] {
  const merged: { fromId: bigint; throughId: bigint }[] = [];
  const ordered = intervals
    .filter(({ fromId, throughId }) => fromId <= throughId)
    .toSorted((a, b) => (a.fromId < b.fromId ? -1 : a.fromId > b.fromId ? 1 : 0));
  for (const { fromId, throughId } of ordered) {
    const last = merged.at(-1);
    if (last !== undefined && fromId <= last.throughId + 1n) {
      if (throughId > last.throughId) last.throughId = throughId;
    } else merged.push({ fromId, throughId });
  }
  return merged;
}

/** What of `wanted` is not in `have`, in order. */
export function missingIntervals(wanted: readonly IdInterval[], have: readonly IdInterval[]): IdInterval[] {
  const held = mergeIntervals(have);
  return mergeIntervals(wanted).flatMap(({ fromId, throughId }) => {
    const missing: IdInterval[] = [];
    let next = fromId;
    for (const one of held) {
      if (one.throughId < next) continue;
      if (one.fromId > throughId) break;
      if (one.fromId > next) missing.push({ fromId: next, throughId: one.fromId - 1n });
      next = one.throughId + 1n;
    }
    if (next <= throughId) missing.push({ fromId: next, throughId });
    return missing;
  });
}
