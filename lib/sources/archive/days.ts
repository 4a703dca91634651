import { addDays, type Day } from "../../model/day.ts";
import type { ArchiveSource, DayOutcome } from "./types.ts";

type Fetched = { readonly ok: true; readonly outcome: DayOutcome } | { readonly ok: false; readonly error: unknown };

/** A failure is met when the day's turn comes; until then it must not count as unhandled. */
async function fetched(fetching: Promise<DayOutcome>): Promise<Fetched> {
  try {
    return { ok: true, outcome: await fetching };
  } catch (error) {
    return { ok: false, error };
  }
}

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
  const ahead: Promise<Fetched>[] = [];
  let next = from;
  try {
    for (let day = from; day <= to; day = addDays(day, 1)) {
      while (next <= to && ahead.length <= source.prefetchDays) {
        ahead.push(fetched(source.fetchDay(next, either)));
        next = addDays(next, 1);
      }
      const current = await ahead.shift();
      if (current?.ok === false) throw current.error;
      if (current !== undefined) yield current.outcome;
    }
  } finally {
    stop.abort();
    await Promise.all(ahead);
  }
}
