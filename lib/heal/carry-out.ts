import { planRebuilds } from "../datasets/range/rebuild-plan.ts";
import { rebuildPlanned } from "../datasets/range/rebuild-run.ts";
import { resolveWork } from "../datasets/range/request.ts";
import { populateWork } from "../datasets/range/run.ts";
import { dayOfMs, type Day } from "../model/day.ts";
import { Failure, RefusedError } from "../model/errors.ts";
import { segmentationOf } from "../model/segments.ts";
import { parseSeriesId, type SeriesId } from "../model/series.ts";
import type { HealContext } from "./context.ts";
import { heldAmong, rebuildByHand } from "./obstacles.ts";
import { isAboutSeries, isAboutUnit } from "./outcome.ts";
import type { Repair } from "./repairs.ts";

/** A unit that cannot be gone on with as it is: its subject is the unit, its cure a rebuild. */
const cannotGoOn: ReadonlySet<string> = new Set([
  "BARS_MISSING",
  "BUILD_DIFFERS",
  "CHECKPOINT_AHEAD",
  "CHECKPOINT_CORRUPT",
  "CHECKPOINT_MISMATCH",
]);

/** Is it the end of what cannot be gone on with as it is? */
export function isCannotGoOn(code: string): boolean {
  return cannotGoOn.has(code);
}

/**
 * Does what a populate or a rebuild of these units does, under the same leases, budgets and audits. A populate that meets a unit it
 * cannot go on with makes that one anew first, unless a person's undo holds it. What is in the way of one series keeps no other from
 * being built.
 * @returns what went wrong and was not made good, last what stopped it; whether the gaps are closed is to be looked for
 */
export async function carryOut(repair: Repair, context: HealContext): Promise<readonly Failure[]> {
  if (repair.action === "populate") return fill(repair, context);
  const reason = `${repair.gaps[0].kind} gap: ${repair.gaps[0].reason}`;
  return makeAnew(repair.units, reason, repair.fromDay, context);
}

/** Ends: each turn makes a unit anew that was not made anew before, or leaves a series out. */
async function fill(repair: Repair, context: HealContext): Promise<readonly Failure[]> {
  const leftOut: Failure[] = [];
  const anew = new Set<string>();
  let { series } = repair;
  while (series.length > 0) {
    const failures = await populate(repair, series, context);
    const inTheWay = failures.filter((failure) => series.some((one) => isAboutSeries(failure, one)));
    if (inTheWay.length === 0 || context.signal.aborted) return [...leftOut, ...failures];
    const stays = await cure(inTheWay, repair, anew, context);
    if (context.signal.aborted) return [...leftOut, ...stays];
    series = series.filter((one) => !stays.some((failure) => isAboutSeries(failure, one)));
    leftOut.push(...stays);
    // What no unit answers for is in the way of all of them, and would be again.
    if (stays.some((failure) => !repair.series.some((one) => isAboutSeries(failure, one)))) break;
  }
  return leftOut;
}

/**
 * Makes units anew that cannot be gone on with.
 * @param anew those that were made anew before; what is made now is added
 * @returns what is in the way all the same
 */
async function cure(
  inTheWay: readonly Failure[],
  { series }: Repair,
  anew: Set<string>,
  context: HealContext,
): Promise<readonly Failure[]> {
  const isHeld = await heldAmong(series, context.store);
  const stays: Failure[] = [];
  const curable = new Map<string, Failure>();
  for (const failure of inTheWay) {
    const { code, subject: unit } = failure;
    if (unit === undefined || !isCannotGoOn(code) || anew.has(unit)) stays.push(failure);
    else if (isHeld(unit)) stays.push(unitHeld(unit, code));
    else curable.set(unit, failure);
  }
  const [first] = curable.values();
  if (first === undefined) return stays;
  for (const unit of curable.keys()) anew.add(unit);
  const reason = `it could not be gone on with: ${first.code}`;
  return [...stays, ...(await makeAnew([...curable.keys()], reason, undefined, context))];
}

function unitHeld(unit: string, code: string): RefusedError {
  return new RefusedError(`${unit} cannot be gone on with as it is (${code}), and an undo holds it`, {
    code: "UNIT_HELD",
    subject: unit,
    hint: rebuildByHand(unit),
  });
}

/** An error of ours is what it came to. */
async function failuresOf(work: () => Promise<readonly Failure[]>): Promise<readonly Failure[]> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Failure) return [error];
    throw error;
  }
}

async function populate(
  repair: Repair,
  series: readonly SeriesId[],
  context: HealContext,
): Promise<readonly Failure[]> {
  const { store, ledger, registry, env, signal, listener } = context;
  const line = (text: string): void => listener.line(text);
  const { market, symbol } = parseSeriesId(repair.gaps[0].series);
  const settings = { ...context.settings, market, segmentation: segmentationOf(repair.segment) };
  const request = {
    symbols: [symbol],
    thresholds: series.map((one) => parseSeriesId(one).threshold),
    startAsked: repair.fromDay,
    endAsked: undefined,
  };
  const today = dayOfMs(ledger.clock.wallMs());
  return failuresOf(async () => {
    const work = await resolveWork(request, settings, registry, env, today, line);
    const only = work.map((one) => Object.assign(one, { only: repair.segment }));
    const { results } = await populateWork({ store, ledger }, only, settings, today, signal, {
      line,
      progress: () => listener.beat(),
    });
    return results.flatMap(({ failures }) => failures);
  });
}

/** Makes units anew; one that cannot be made keeps no other of its job from being made. @returns what went wrong */
async function makeAnew(
  units: readonly string[],
  reason: string,
  startAsked: Day | undefined,
  context: HealContext,
): Promise<readonly Failure[]> {
  const all: Failure[] = [];
  let rest = units;
  while (rest.length > 0) {
    const of = rest;
    const made = new Set<string>();
    const failures = await failuresOf(async () => rebuild(of, reason, startAsked, context, made));
    all.push(...failures);
    const inTheWay = of.filter((unit) => failures.some((failure) => isAboutUnit(failure, unit)));
    if (inTheWay.length === 0 || context.signal.aborted) break;
    rest = of.filter((unit) => !made.has(unit) && !inTheWay.includes(unit));
  }
  return all;
}

/** @param made the units that were published, to be added */
async function rebuild(
  units: readonly string[],
  reason: string,
  startAsked: Day | undefined,
  { store, ledger, settings, registry, signal, listener }: HealContext,
  made: Set<string>,
): Promise<readonly Failure[]> {
  const plan = await planRebuilds(store, { targets: units, reason, startAsked }, settings, registry, signal);
  const now = new Date(ledger.clock.wallMs());
  const { results } = await rebuildPlanned(
    { store, ledger },
    plan,
    registry,
    now,
    signal,
    (text) => listener.line(text),
    () => listener.beat(),
  );
  for (const { unit, rebuild: id } of results) if (id !== undefined) made.add(unit);
  // The units of a job share what went wrong with it.
  return [...new Set(results.flatMap(({ failures }) => failures))];
}
