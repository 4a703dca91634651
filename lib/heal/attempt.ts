import { readDigest } from "../datasets/range/digests.ts";
import type { HealResult } from "../ledger/index.ts";
import { Failure } from "../model/errors.ts";
import { unitId } from "../model/series.ts";
import {
  logRepairs,
  pinPublished,
  type LoggedRepair,
  type PinnedSegment,
  type Store,
  type UnitState,
} from "../store/index.ts";
import type { Gap } from "../watch/gap.ts";
import { carryOut } from "./carry-out.ts";
import type { GapLook, HealContext } from "./context.ts";
import { answeringFor, isElsewhere, resultOf } from "./outcome.ts";
import { gapKey, type Repair } from "./repairs.ts";

/** What became of one gap that was tried. */
export interface GapResult {
  readonly gap: Gap;
  readonly result: HealResult;
  /** What answers for it where it is not healed, as far as that is known. */
  readonly failure: Failure | undefined;
  readonly before: UnitState;
  readonly after: UnitState;
}

/** What became of a repair. */
export interface RepairResult {
  readonly repair: Repair;
  readonly gaps: readonly GapResult[];
  readonly failures: readonly Failure[];
  readonly elapsedMs: number;
  /** What was found of its series afterwards. */
  readonly found: GapLook;
}

/**
 * Makes one repair and looks for its gaps again: what is not found any more is healed, whatever the repair said. Each try is on
 * record in the ledger before it begins, and in the store's repair log when it is known what it came to.
 * @param tryNumbers of each gap of the repair
 * @throws what keeps it from looking again; the tries have ended then
 */
export async function attemptRepair(
  repair: Repair,
  tryNumbers: readonly number[],
  context: HealContext,
): Promise<RepairResult> {
  const { store, ledger, signal } = context;
  const before = await unitStates(repair, store);
  const startedMs = ledger.clock.wallMs();
  // Gaps with one key are one trouble: a try at them is one.
  const tried = [...new Map(repair.gaps.map((gap) => [gapKey(gap), gap.unit]))];
  const ids = ledger.healTries.start(tried.map(([gap, unit]) => ({ gap, unit })));
  const failures: Failure[] = [];
  try {
    failures.push(...(await carryOutSafely(repair, context)));
    // After an interruption too: the look is what says whether it helped.
    const found = await context.findGaps(new AbortController().signal, repair.series);
    const after = await unitStates(repair, store);
    const gaps = repair.gaps.map((gap): GapResult => {
      const own = answeringFor(gap, repair.series, failures);
      const result = resultOf(gap, found, own, signal.aborted);
      return { gap, result, failure: own.at(-1), before: stateOf(before, gap), after: stateOf(after, gap) };
    });
    const endedMs = ledger.clock.wallMs();
    const rows = gaps.map((one, i) => loggedRepair(repair, one, tryNumbers[i] ?? 1, startedMs, endedMs));
    await logRepairs(store, rows);
    tried.forEach(([key], i) => {
      const { result, failure } = worstOf(gaps.filter(({ gap }) => gapKey(gap) === key));
      const id = ids[i];
      if (id !== undefined) ledger.healTries.end(id, result, result === "healed" ? undefined : failure?.code);
    });
    return { repair, gaps, failures, elapsedMs: endedMs - startedMs, found };
  } catch (error) {
    const code = error instanceof Failure ? error.code : "BUG";
    const result =
      error instanceof Failure && isElsewhere(error) ? "elsewhere" : signal.aborted ? "interrupted" : "failed";
    for (const id of ids) ledger.healTries.end(id, result, code);
    throw error;
  }
}

/** What a try at several gaps with one key came to: it helped when all of them are closed. */
function worstOf(results: readonly GapResult[]): Pick<GapResult, "result" | "failure"> {
  const left = results.filter(({ result }) => result !== "healed");
  return left.find(({ result }) => result === "failed") ?? left[0] ?? { result: "healed", failure: undefined };
}

/** An error of ours is what the repair came to; the coverage is looked at whatever it says. */
async function carryOutSafely(repair: Repair, context: HealContext): Promise<readonly Failure[]> {
  try {
    return await carryOut(repair, context);
  } catch (error) {
    if (error instanceof Failure) return [error];
    // Cut short by the interruption; what was committed stays.
    if (context.signal.aborted && error instanceof Error && error.name === "AbortError") return [];
    throw error;
  }
}

/** What readers see of some units, by unit: their bars are read, for coverage says what was committed and not what is there. */
export async function unitStates(
  { series, units }: Pick<Repair, "series" | "units">,
  store: Store,
): Promise<ReadonlyMap<string, UnitState>> {
  const states = new Map<string, UnitState>();
  for (const one of series) {
    for (const pinned of await pinPublished(store, one)) {
      const unit = unitId(pinned.series, pinned.segment);
      if (units.includes(unit)) states.set(unit, await unitStateOf(pinned, store));
    }
  }
  return states;
}

async function unitStateOf(pinned: PinnedSegment, store: Store): Promise<UnitState> {
  const { build, parts } = pinned;
  const { bars, stored } = await readDigest(store, pinned);
  return {
    build,
    records: parts.reduce((sum, part) => sum + part.records, 0n),
    bars,
    throughId: (parts.at(-1) ?? parts[0]).throughId,
    digest: stored,
  };
}

const nothing: UnitState = { build: 0, records: 0n, bars: 0n, throughId: 0n, digest: 0n };

/** Of a gap's unit; all 0 where nothing of it is published. */
export function stateOf(states: ReadonlyMap<string, UnitState>, { unit }: Pick<Gap, "unit">): UnitState {
  return states.get(unit) ?? nothing;
}

/** A gap that was tried, for the repair log. */
export function loggedRepair(
  repair: Repair,
  { gap, result, failure, before, after }: GapResult,
  tryNumber: number,
  startedMs: number,
  endedMs: number,
): LoggedRepair {
  const series = repair.series.find((one) => one === gap.series);
  if (series === undefined) throw new Error(`${gap.series} is not of the repair`);
  return {
    series,
    segment: repair.segment,
    gapKind: gap.kind,
    priority: gap.priority,
    fromDay: gap.fromDay,
    throughDay: gap.throughDay,
    fromId: gap.fromId,
    throughId: gap.throughId,
    reason: gap.reason,
    action: repair.action,
    result,
    code: failure?.code ?? "",
    message: failure?.message ?? "",
    tryNumber,
    before,
    after,
    startedMs,
    endedMs,
  };
}
