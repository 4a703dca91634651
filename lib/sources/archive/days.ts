import { addDays, type Day } from "../../model/day.ts";
import type { ArchiveSource, DayOutcome } from "./types.ts";

/**
 * The days of [from, to] in order, fetched ahead by as many as the source allows, so that network and processor are busy
 * together. Stops fetching when the consumer stops.
 */
export async function* fetchDays(
  source: ArchiveSource,
  from: Day,
  to: Day,
  signal: AbortSignal,
): AsyncGenerator<DayOutcome> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const ahead: Promise<DayOutcome>[] = [];
  let next = from;
  try {
    for (let day = from; day <= to; day = addDays(day, 1)) {
      while (next <= to && ahead.length <= source.prefetchDays) {
        const fetching = source.fetchDay(next, either);
        // Its failure is met when its turn comes; until then it must not count as unhandled.
        fetching.catch(() => undefined);
        ahead.push(fetching);
        next = addDays(next, 1);
      }
      const current = ahead.shift();
      if (current !== undefined) yield await current;
    }
  } finally {
    stop.abort();
    await Promise.allSettled(ahead);
  }
}
