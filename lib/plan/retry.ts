import { blameOf, type JobEnd } from "./blame.ts";

export interface RetryPolicy {
  /** Failures of the unit's own that are one too many. */
  readonly unitFailuresMax: number;
  /** Hosts lost under it that are one too many: once is bad luck, so often it may be what brings them down. */
  readonly hostsLostMax: number;
  /** The wait before the second attempt; each further one waits twice as long. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

export const retryPolicy: RetryPolicy = {
  unitFailuresMax: 3,
  hostsLostMax: 5,
  backoffMs: 10_000,
  backoffMaxMs: 30 * 60_000,
};

export interface EndedAttempt {
  readonly end: JobEnd;
  readonly endedAtMs: number;
  readonly host: string;
}

export type NextStep =
  | { readonly step: "done" }
  | {
      readonly step: "retry";
      readonly notBeforeMs: number;
      /** A host that was lost under it: another one is better, this one better than none. */
      readonly avoidHost: string | undefined;
      readonly reason: string;
    }
  | { readonly step: "quarantine"; readonly reason: string; readonly advice: string }
  | { readonly step: "cancelled"; readonly reason: string };

/**
 * What follows a job's last attempt. The budget counts only failures of the unit's own: a host that was lost, a store that was
 * away, or memory that ran out uses up none of it. Running out of memory is dealt with by the next request
 * (lib/plan/memory.ts), which ends where no host is large enough.
 * @param attempts oldest first, at least one
 * @param random 0 … 1: spreads retries, so that a thousand jobs do not come back at once
 */
export function nextStep(attempts: readonly EndedAttempt[], random: number, policy: RetryPolicy): NextStep {
  const last = attempts.at(-1);
  if (last === undefined) throw new RangeError("a next step follows an attempt");
  const blame = blameOf(last.end);
  switch (blame) {
    case undefined:
      return { step: "done" };
    case "nobody":
      return retry(last.endedAtMs, `${last.end.kind}: goes on from its last commit`);
    case "memory":
      return retry(last.endedAtMs, "out of memory: goes on with a larger request");
    case "operator":
      return { step: "cancelled", reason: "cancelled by a person" };
    case "settings":
      return quarantine(
        last.end,
        "a retry would end the same",
        "correct what the message names, then `retry` the unit",
      );
    case "host": {
      const lost = attempts.filter(({ end }) => end.kind === "lost").length;
      if (lost >= policy.hostsLostMax) {
        const advice = "look at its log and at the hosts' kernel logs before you `retry` the unit";
        return quarantine(last.end, `${lost} hosts were lost while it ran`, advice);
      }
      return retry(last.endedAtMs, `${last.host}: ${last.end.kind}; not the unit's fault`, last.host);
    }
    case "elsewhere":
      return retry(last.endedAtMs + backoff(trailing(attempts, "elsewhere"), random, policy), textOf(last.end));
    case "unit": {
      const own = attempts.filter(({ end }) => blameOf(end) === "unit").length;
      if (own >= policy.unitFailuresMax) {
        return quarantine(last.end, `failed ${own} times by itself`, "read its log, then `retry` the unit");
      }
      const after = last.endedAtMs + backoff(own, random, policy);
      return retry(after, `${textOf(last.end)}: failure ${own} of ${policy.unitFailuresMax}`);
    }
    default:
      return blame satisfies never;
  }
}

function retry(notBeforeMs: number, reason: string, avoidHost?: string): NextStep {
  return { step: "retry", notBeforeMs, avoidHost, reason };
}

function quarantine(end: JobEnd, why: string, advice: string): NextStep {
  return { step: "quarantine", reason: `${textOf(end)}: ${why}`, advice };
}

function textOf(end: JobEnd): string {
  return end.kind === "failed" ? end.code : end.kind;
}

/** How many of the last attempts in a row had this blame. */
function trailing(attempts: readonly EndedAttempt[], blame: string): number {
  const other = attempts.findLastIndex(({ end }) => blameOf(end) !== blame);
  return attempts.length - 1 - other;
}

/** Doubles with every failure, and is spread over its upper half. */
function backoff(failures: number, random: number, { backoffMs, backoffMaxMs }: RetryPolicy): number {
  const whole = Math.min(backoffMaxMs, backoffMs * 2 ** Math.max(0, failures - 1));
  return Math.round(whole * (0.5 + random / 2));
}
