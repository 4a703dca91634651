import type { HealResult } from "../ledger/index.ts";
import { NotYetAvailableError, RefusedError, RetryableError, UnavailableError, type Failure } from "../model/errors.ts";
import type { Gap, GapCause } from "../watch/gap.ts";
import type { GapLook } from "./context.ts";

/** Refusals that pass: another process has the unit, or has overtaken this one. */
const passing: ReadonlySet<string> = new Set(["LEASE_HELD", "SUPERSEDED", "STORE_OWNED"]);
/** What a program could not work with, and what is not the unit's own. */
const away = /^(ARCHIVE|STORE|DISK|HOST|LEDGER)_/;

/**
 * What a try at a gap came to. What is found afterwards decides; failures only say who is to answer for what is left.
 * @param found of the same series, looked for afterwards
 */
export function resultOf(
  gap: Gap,
  found: GapLook,
  failures: readonly Failure[],
  isInterrupted: boolean,
): Exclude<HealResult, "queued"> {
  const near = found.gaps.filter((one) => touches(one, gap));
  if (near.length === 0 && found.unknown.length === 0) return "healed";
  if (isInterrupted) return "interrupted";
  // Whether it helped could not be told: no mark against the unit.
  if (near.every(({ cause }) => cause === "not-known")) return "elsewhere";
  const last = failures.at(-1);
  return last !== undefined && isElsewhere(last) ? "elsewhere" : "failed";
}

/** Is something else in the way than the unit itself? */
export function isElsewhere(failure: Failure): boolean {
  if (failure instanceof RefusedError) return passing.has(failure.code);
  if (failure instanceof UnavailableError) return away.test(failure.code);
  return failure instanceof RetryableError || failure instanceof NotYetAvailableError;
}

/** Trades that were never built; the other causes are of what was. */
const missing: ReadonlySet<GapCause> = new Set<GapCause>(["not-built", "missing-upstream"]);

/** Is what was found a part of what was to be closed, or may it be? */
function touches(found: Gap, gap: Gap): boolean {
  if (found.unit !== gap.unit || found.fromDay > gap.throughDay || found.throughDay < gap.fromDay) return false;
  if (found.cause === "not-known" || found.cause === gap.cause) return true;
  return missing.has(found.cause) && missing.has(gap.cause);
}
