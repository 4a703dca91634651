import type { HealTry } from "../ledger/index.ts";

const minuteMs = 60_000;

/** How often a gap is tried, and when again. */
export interface HealPolicy {
  /** Tries of a gap that count, within `withinMs`; then it is left alone until the oldest of them is older than that. */
  readonly triesMax: number;
  readonly withinMs: number;
  /** The wait behind a failed try; each further one waits twice as long. */
  readonly backoffMs: number;
  /** The same where store, archive or another writer were in the way, which uses up no try. */
  readonly awayBackoffMs: number;
  readonly backoffMaxMs: number;
}

export const healPolicy: HealPolicy = {
  triesMax: 3,
  withinMs: 24 * 60 * minuteMs,
  backoffMs: 10 * minuteMs,
  awayBackoffMs: minuteMs,
  backoffMaxMs: 60 * minuteMs,
};

export type HealStep =
  | { readonly step: "go"; readonly tryNumber: number }
  | { readonly step: "wait"; readonly untilMs: number; readonly code: string }
  | { readonly step: "exhausted"; readonly untilMs: number; readonly tries: number; readonly code: string }
  /** Another process is at it. */
  | { readonly step: "running"; readonly host: string; readonly pid: number };

/**
 * What may be done about a gap now, by what was tried.
 * @param tries of this gap, oldest first; those of processes that are gone have ended
 */
export function nextHealStep(tries: readonly HealTry[], nowMs: number, policy: HealPolicy): HealStep {
  const last = tries.at(-1);
  if (last === undefined) return { step: "go", tryNumber: 1 };
  if (last.result === undefined) return { step: "running", host: last.host, pid: last.pid };
  const counted = tries.filter((one) => isCounted(one) && Math.abs(nowMs - one.startedMs) < policy.withinMs);
  const code = last.code ?? "NOT_CLOSED";
  // What was made while the clock ran ahead would be in the way until the clock is there again.
  const past = counted.filter(({ startedMs }) => startedMs <= nowMs);
  const oldest = past.at(-policy.triesMax);
  if (oldest !== undefined) {
    return { step: "exhausted", untilMs: oldest.startedMs + policy.withinMs, tries: past.length, code };
  }
  // A wall clock that was set back makes no wait longer than it is.
  const endedMs = last.endedMs !== undefined && last.endedMs <= nowMs ? last.endedMs : last.startedMs;
  const untilMs = endedMs + waitBehind(last, tries, counted.length, policy);
  if (nowMs < untilMs && nowMs >= last.startedMs) return { step: "wait", untilMs, code };
  return { step: "go", tryNumber: counted.length + 1 };
}

/**
 * A healed gap that is there again is a new one, but a gap that comes back again and again must not be healed for ever. A try that
 * was stopped on purpose, or that others were in the way of, uses up nothing.
 */
function isCounted({ result }: HealTry): boolean {
  return result === "failed" || result === "queued" || result === "healed";
}

function waitBehind(last: HealTry, tries: readonly HealTry[], counted: number, policy: HealPolicy): number {
  switch (last.result) {
    case "failed":
      // A process that was killed has not shown that the repair cannot work.
      return last.code === "PROCESS_GONE" ? 0 : doubled(policy.backoffMs, counted, policy);
    case "elsewhere": {
      const inRow = tries.length - 1 - tries.findLastIndex(({ result }) => result !== "elsewhere");
      return doubled(policy.awayBackoffMs, inRow, policy);
    }
    case "healed":
    case "interrupted":
    case "queued":
    case undefined:
      return 0;
    default:
      return last.result satisfies never;
  }
}

function doubled(firstMs: number, times: number, { backoffMaxMs }: HealPolicy): number {
  return Math.min(backoffMaxMs, firstMs * 2 ** Math.max(0, times - 1));
}
