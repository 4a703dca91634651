import { parseUnit } from "../fleet/explain-unit.ts";
import { unitsOf } from "../fleet/jobs.ts";
import { stoppedCode } from "../fleet/results.ts";
import type { HealResult, HealTry, NewestJobAttempt } from "../ledger/index.ts";
import { exitCodes } from "../model/exit-codes.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { logRepairs, readRepairs, type LoggedRepair } from "../store/index.ts";
import type { Gap } from "../watch/gap.ts";
import { isMaintained } from "../watch/wish.ts";
import { loggedRepair, stateOf, unitStates } from "./attempt.ts";
import type { HealContext } from "./context.ts";
import { isElsewhereCode } from "./outcome.ts";
import { gapKey, type Repair } from "./repairs.ts";

/** A gap of a repair that a host's queue has taken. */
export interface QueuedGap {
  readonly repair: Repair;
  readonly gap: Gap;
  readonly tryNumber: number;
  readonly startedMs: number;
}

/** Puts gaps into the repair log that a queue has taken; what they come to is another row, when it is known. */
export async function logQueued(queued: readonly QueuedGap[], { store, ledger }: HealContext): Promise<void> {
  const endedMs = ledger.clock.wallMs();
  for (const { repair, gap, tryNumber, startedMs } of queued) {
    const now = stateOf(await unitStates({ series: repair.series, units: [gap.unit] }, store), gap);
    const result = { gap, result: "queued", failure: undefined, before: now, after: now } as const;
    await logRepairs(store, [loggedRepair(repair, result, tryNumber, startedMs, endedMs)]);
  }
}

/**
 * Ends tries that were handed to a queue by what became of them, and puts that into the repair log: healed where the gap is not found
 * any more, else what the job came to. What still waits or runs, could not be looked at, or is of a series that nobody keeps any more,
 * stays as it is.
 * @param live units that wait or run on a host
 */
export async function settleQueued(live: ReadonlySet<string>, context: HealContext): Promise<void> {
  const { ledger, registry, env } = context;
  const isKept = (unit: string): boolean => isMaintained(registry, parseSeriesId(seriesOf(unit)), env);
  const open = ledger.healTries.queued().filter(({ unit }) => !live.has(unit) && isKept(unit));
  // Symbol by symbol: an archive that does not answer for one says nothing of another's.
  for (const ofSymbol of Map.groupBy(open, ({ unit }) => parseUnit(unit).symbol).values()) {
    await settleSymbol(ofSymbol, context);
  }
}

async function settleSymbol(open: readonly HealTry[], context: HealContext): Promise<void> {
  const { ledger, signal } = context;
  const asked = [...new Set(open.map(({ unit }) => seriesOf(unit)))];
  const { looked, gaps, unknown } = await context.findGaps(signal, asked);
  if (unknown.length > 0) return;
  const jobs = ledger.jobAttempts.newest();
  for (const one of open.filter(({ unit }) => looked.has(seriesOf(unit)))) {
    const job = jobs.findLast((attempt) => unitsOf(parseUnit(attempt.job)).includes(one.unit));
    const end = endOf(one, gaps, job);
    if (end === undefined) continue;
    await logEnd(one, end, context);
    ledger.healTries.settle(one.id, end.result, end.code);
  }
}

interface TryEnd {
  readonly result: HealResult;
  readonly code: string | undefined;
}

/** What a try came to; undefined where that is not known yet. */
function endOf(
  { gap: key, unit }: HealTry,
  gaps: readonly Gap[],
  job: NewestJobAttempt | undefined,
): TryEnd | undefined {
  const isThere = gaps.some((gap) => gapKey(gap) === key);
  // A job that built a part leaves a gap that begins later.
  const isLeft = isThere || gaps.some((gap) => gap.unit === unit && key.startsWith(`${gap.kind} `));
  if (!isLeft) return { result: "healed", code: undefined };
  const outcome = job?.outcome ?? undefined;
  if (job === undefined || outcome === undefined) return undefined;
  const isDone = outcome === "exited" && job.exit_code === exitCodes.ok;
  if (isDone) return isThere ? { result: "failed", code: undefined } : { result: "healed", code: undefined };
  if (job.is_cancelled || job.code === stoppedCode) return { result: "interrupted", code: job.code ?? undefined };
  const code = job.code ?? outcome.toUpperCase().replaceAll("-", "_");
  if (outcome === "lost" || outcome === "not-started") return { result: "elsewhere", code };
  // An archive's own fault ends with 1, one that is away with 2.
  const isAway = job.exit_code !== exitCodes.findings && isElsewhereCode(code);
  return { result: isAway ? "elsewhere" : "failed", code };
}

/** The row that says how a try ended which the log has as queued. */
async function logEnd(one: HealTry, end: TryEnd, { store, ledger }: HealContext): Promise<void> {
  const series = seriesOf(one.unit);
  const rows = await readRepairs(store, logRowsMost, series);
  const queued = rows.findLast(
    (row) => row.result === "queued" && `${row.gap_kind} ${row.unit} ${row.from_day}` === one.gap,
  );
  if (queued === undefined) return;
  const after = stateOf(await unitStates({ series: [series], units: [one.unit] }, store), { unit: one.unit });
  const ended: LoggedRepair = {
    series,
    segment: queued.segment,
    gapKind: queued.gap_kind,
    priority: queued.priority,
    fromDay: queued.from_day,
    throughDay: queued.through_day,
    fromId: queued.from_id ?? undefined,
    throughId: queued.through_id ?? undefined,
    reason: queued.reason,
    action: queued.action,
    result: end.result,
    code: end.code ?? "",
    message: end.code === undefined ? "" : `the job ended with ${end.code}`,
    tryNumber: queued.try_number,
    before: {
      build: queued.build_before,
      records: queued.records_before,
      bars: queued.bars_before,
      throughId: queued.through_id_before,
      digest: queued.digest_before,
    },
    after,
    startedMs: one.startedMs,
    endedMs: ledger.clock.wallMs(),
  };
  await logRepairs(store, [ended]);
}

/** Rows of a series' log to look for a try in: the newest ones. */
const logRowsMost = 1000;

/** The series of a unit by the unit's name. */
export function seriesOf(unit: string): SeriesId {
  const { venue, market, symbol, thresholds } = parseUnit(unit);
  const [threshold] = thresholds;
  if (threshold === undefined) throw new Error(`${unit} has no threshold`);
  return seriesId({ venue, market, symbol, threshold });
}
