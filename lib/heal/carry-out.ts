import { planRebuilds } from "../datasets/range/rebuild-plan.ts";
import { rebuildPlanned } from "../datasets/range/rebuild-run.ts";
import { resolveWork } from "../datasets/range/request.ts";
import { populateWork } from "../datasets/range/run.ts";
import { dayOfMs, type Day } from "../model/day.ts";
import type { Failure } from "../model/errors.ts";
import { segmentationOf } from "../model/segments.ts";
import { parseSeriesId } from "../model/series.ts";
import type { HealContext } from "./context.ts";
import type { Repair } from "./repairs.ts";

/** A unit that cannot be gone on with as it is: its subject is the unit, its cure a rebuild. */
const cannotGoOn: ReadonlySet<string> = new Set([
  "BARS_MISSING",
  "BUILD_DIFFERS",
  "CHECKPOINT_AHEAD",
  "CHECKPOINT_CORRUPT",
  "CHECKPOINT_MISMATCH",
]);

/**
 * Does what a populate or a rebuild of these units does, under the same leases, budgets and audits. A populate that meets a unit it
 * cannot go on with makes that one anew first.
 * @returns what went wrong, last what stopped it; whether the gaps are closed is to be looked for
 */
export async function carryOut(repair: Repair, context: HealContext): Promise<readonly Failure[]> {
  const reason = `${repair.gaps[0].kind} gap: ${repair.gaps[0].reason}`;
  if (repair.action === "rebuild") return rebuild(repair.units, reason, repair.fromDay, context);
  const failures = await populate(repair, context);
  const blocking = failures.flatMap(({ code, subject }) =>
    cannotGoOn.has(code) && subject !== undefined ? [{ code, subject }] : [],
  );
  const [first] = blocking;
  if (first === undefined || context.signal.aborted) return failures;
  const units = [...new Set(blocking.map(({ subject }) => subject))];
  const anew = await rebuild(units, `it could not be gone on with: ${first.code}`, undefined, context);
  return anew.length > 0 || context.signal.aborted ? anew : populate(repair, context);
}

async function populate(repair: Repair, context: HealContext): Promise<readonly Failure[]> {
  const { store, ledger, registry, env, signal, listener } = context;
  const line = (text: string): void => listener.line(text);
  const { market, symbol } = parseSeriesId(repair.gaps[0].series);
  const settings = { ...context.settings, market, segmentation: segmentationOf(repair.segment) };
  const request = {
    symbols: [symbol],
    thresholds: repair.series.map((one) => parseSeriesId(one).threshold),
    startAsked: repair.fromDay,
    endAsked: undefined,
  };
  const today = dayOfMs(ledger.clock.wallMs());
  const work = await resolveWork(request, settings, registry, env, today, line);
  const only = work.map((one) => Object.assign(one, { only: repair.segment }));
  const { results } = await populateWork({ store, ledger }, only, settings, today, signal, {
    line,
    progress: () => listener.beat(),
  });
  return results.flatMap(({ failures }) => failures);
}

async function rebuild(
  units: readonly string[],
  reason: string,
  startAsked: Day | undefined,
  { store, ledger, settings, registry, signal, listener }: HealContext,
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
  return results.flatMap(({ failures }) => failures);
}
