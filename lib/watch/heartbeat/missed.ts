import type { Clock, Heartbeat } from "../../ledger/index.ts";
import type { Finding } from "../finding.ts";
import { utcMinute, lasting } from "../incident-messages.ts";

/** A pass that is later than by so much of its interval was missed. */
const tolerance = 1.5;

/**
 * How long the machine has been up and awake since a pass began, in milliseconds: by the clock that only goes forward, so that
 * neither a wall clock that was set nor a night with the lid closed counts. Behind a restart, only the time since then is known.
 */
export function awakeSinceMs(last: Pick<Heartbeat, "startedMs" | "boot" | "monotonicNs">, clock: Clock): number {
  const isSameBoot = last.boot === clock.boot && clock.monotonicNs() >= last.monotonicNs;
  const upMs = Number((clock.monotonicNs() - (isSameBoot ? last.monotonicNs : 0n)) / 1_000_000n);
  const wokeMs = clock.wokeMs?.();
  // Where the forward clock goes on in sleep, what is certain is the time since the machine woke.
  return wokeMs === undefined || wokeMs <= last.startedMs ? upMs : Math.min(upMs, Math.max(0, clock.wallMs() - wokeMs));
}

/**
 * Passes that were due since the last one and did not run, while the machine was awake.
 * @param last whoever ran it: after a pass by hand, too, the schedule has to go on
 * @param everyMs how often a schedule is to run it; undefined where there is none
 */
export function missedFindings(last: Heartbeat | undefined, clock: Clock, everyMs = last?.everyMs): Finding[] {
  if (last === undefined || everyMs === undefined) return [];
  const awakeMs = awakeSinceMs(last, clock);
  if (awakeMs <= everyMs * tolerance) return [];
  const missed = Math.max(1, Math.round(awakeMs / everyMs) - 1);
  const passes = missed === 1 ? "one pass" : `${missed} passes`;
  const summary = `${passes} did not run; the last one began ${utcMinute(last.startedMs)}, and the machine has been awake for ${lasting(awakeMs)} since`;
  const evidence = { missed: String(missed), awake: lasting(awakeMs), last: utcMinute(last.startedMs) };
  return [{ kind: "heartbeat-missed", subject: "watch", verdict: "wrong", summary, evidence }];
}
