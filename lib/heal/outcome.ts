import type { HealResult } from "../ledger/index.ts";
import { NotYetAvailableError, RefusedError, RetryableError, UnavailableError, type Failure } from "../model/errors.ts";
import { unitId } from "../model/series.ts";
import type { Gap, GapCause } from "../watch/gap.ts";
import type { GapLook } from "./context.ts";

/** Refusals that are no failure of the unit: another process has it, or has overtaken this one, or a person's undo holds it. */
const passing: ReadonlySet<string> = new Set(["LEASE_HELD", "SUPERSEDED", "STORE_OWNED", "UNIT_HELD"]);
/** What a program could not work with, and what is not the unit's own. */
const away = /^(ARCHIVE|STORE|DISK|HOST|LEDGER)_/;

/**
 * What a try at a gap came to. What is found afterwards decides; failures only say who is to answer for what is left.
 * @param found of the same series, looked for afterwards
 * @param failures those that answer for it: {@link answeringFor}
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

/**
 * The failures of a repair that answer for one of its gaps: those of its own series, and those of none, such as a torn archive's.
 * @param series of the repair
 */
export function answeringFor(
  gap: Pick<Gap, "series">,
  series: readonly string[],
  failures: readonly Failure[],
): Failure[] {
  const others = series.filter((one) => one !== gap.series);
  return failures.filter((failure) => !others.some((one) => isAboutSeries(failure, one)));
}

/** Is it a series' own, or of one of its units? */
export function isAboutSeries({ subject }: Pick<Failure, "subject">, series: string): boolean {
  return subject === series || subject?.startsWith(unitId(series, "")) === true;
}

/** Is it a unit's own, or of one of its builds? */
export function isAboutUnit({ subject }: Pick<Failure, "subject">, unit: string): boolean {
  return subject === unit || subject?.startsWith(`${unit}#`) === true;
}

/** Is something else in the way than the unit itself? */
export function isElsewhere(failure: Failure): boolean {
  if (failure instanceof RefusedError) return passing.has(failure.code);
  if (failure instanceof UnavailableError) return away.test(failure.code);
  return failure instanceof RetryableError || failure instanceof NotYetAvailableError;
}

/** The same of a job, of which only the code is known: one that may pass, or that is of a thing that was away. */
export function isElsewhereCode(code: string): boolean {
  return passing.has(code) || away.test(code);
}

/** Trades that were never built; the other causes are of what was. */
const missing: ReadonlySet<GapCause> = new Set<GapCause>(["not-built", "missing-upstream"]);

/** Is what was found a part of what was to be closed, or may it be? */
function touches(found: Gap, gap: Gap): boolean {
  if (found.unit !== gap.unit || found.fromDay > gap.throughDay || found.throughDay < gap.fromDay) return false;
  if (found.cause === "not-known" || found.cause === gap.cause) return true;
  return missing.has(found.cause) && missing.has(gap.cause);
}
