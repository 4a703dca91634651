import { shortPlanId } from "../ledger/index.ts";
import type { PlanOutlook } from "../datasets/range/apply.ts";
import { describeFailure } from "../datasets/range/listener.ts";
import type { HoledUnit, PopulatePlan, StoredPopulatePlan } from "../datasets/range/plan.ts";
import type { PopulateOutcome } from "../datasets/range/run.ts";
import type { Failure } from "../model/errors.ts";
import { exitCodes } from "../model/exit-codes.ts";
import { formatBytes, formatCount, formatSeconds, textTable } from "./text-table.ts";

type PlanFigures = Omit<PopulatePlan, "symbols">;

const right = { align: "right" } as const;

/** The answer of `populate --plan`. */
export function storedPlanLines({ plan, id }: StoredPopulatePlan): string[] {
  return [...planLines(plan), ...(id === undefined ? [] : [`exactly this: ${applyCommand(id)}`])];
}

function applyCommand(id: string): string {
  return `barkeep apply ${shortPlanId(id)}`;
}

/** What a plan takes. */
export function planLines(plan: PlanFigures): string[] {
  const failures = plan.failures.map(describeFailure);
  if (plan.units.length === 0) return failures.length > 0 ? failures : nothingToDo(plan.holed);
  const table = textTable(
    [
      { title: "unit" },
      { title: "from" },
      { title: "to" },
      { title: "days", ...right },
      { title: "archives", ...right },
      { title: "bars (guess)", ...right },
      { title: "store", ...right },
    ],
    plan.units.map((unit) => [
      unit.unit,
      unit.from,
      unit.to,
      formatCount(unit.days),
      formatBytes(unit.archiveBytes),
      formatCount(unit.bars),
      formatBytes(unit.storeBytes),
    ]),
  );
  return [
    ...table,
    ...failures,
    `disk ${formatBytes(plan.diskBytes)} of ${formatBytes(plan.freeBytes)} free, memory ${formatBytes(plan.memoryBytes)}, about ${formatSeconds(plan.seconds)}`,
  ];
}

/** The same as one document. */
export function storedPlanDocument({ plan, id }: StoredPopulatePlan): Record<string, unknown> {
  return { plan: id ?? null, apply: id === undefined ? null : applyCommand(id), ...planDocument(plan) };
}

/** What a plan takes, for a document. */
export function planDocument(plan: PlanFigures): Record<string, unknown> {
  return {
    units: plan.units.map((unit) => ({
      unit: unit.unit,
      from: unit.from,
      to: unit.to,
      days: unit.days,
      archive_bytes: unit.archiveBytes,
      bars: unit.bars,
      store_bytes: unit.storeBytes,
      memory_bytes: unit.memoryBytes,
      seconds: unit.seconds,
    })),
    holed: holedDocument(plan.holed),
    disk_bytes: plan.diskBytes,
    free_bytes: plan.freeBytes,
    memory_bytes: plan.memoryBytes,
    seconds: plan.seconds,
    failures: plan.failures.map(failureFields),
  };
}

/** The answer of `apply --plan`. */
export function outlookLines({ rest, built }: PlanOutlook): string[] {
  return [...built.map((unit) => `${unit}: built meanwhile`), ...planLines(rest)];
}

/** The same as one document. */
export function outlookDocument(id: string, { rest, built }: PlanOutlook): Record<string, unknown> {
  return { plan: id, built, ...planDocument(rest) };
}

/** The answer of `populate`. */
export function populateLines({ results, holed, elapsedMs, exitCode }: PopulateOutcome): string[] {
  const days = results.reduce((sum, result) => sum + result.days, 0);
  const isClean = results.every((result) => result.failures.length === 0 && !result.interrupted);
  if (days === 0 && isClean && exitCode === exitCodes.ok) return nothingToDo(holed);
  const trades = results.reduce((sum, result) => sum + result.trades, 0n);
  const rate = Number(trades) / Math.max(elapsedMs / 1000, 0.001);
  const table = textTable(
    [
      { title: "symbol" },
      { title: "series", ...right },
      { title: "days", ...right },
      { title: "trades", ...right },
      { title: "bars", ...right },
      { title: "state" },
    ],
    results.map((result) => [
      result.symbol,
      formatCount(result.series.length),
      formatCount(result.days),
      formatCount(result.trades),
      formatCount(result.bars),
      stateOf(result),
    ]),
  );
  return [...table, `${formatSeconds(elapsedMs / 1000)}, ${formatCount(Math.round(rate))} trades/s`];
}

/** The same as one document. */
export function populateDocument({ results, holed, elapsedMs, exitCode }: PopulateOutcome): Record<string, unknown> {
  return {
    elapsed_ms: elapsedMs,
    exit_code: exitCode,
    holed: holedDocument(holed),
    symbols: results.map((result) => ({
      symbol: result.symbol,
      series: result.series,
      days: result.days,
      trades: result.trades,
      bars: result.bars,
      state: stateOf(result),
      failures: result.failures.map(failureFields),
    })),
  };
}

/** The answer where every unit is built to the last day asked for; a hole inside one is not filled by that. */
export function nothingToDo(holed: readonly HoledUnit[]): string[] {
  if (holed.length === 0) return ["nothing to do: every day asked for is built"];
  return [
    "nothing to do: every unit is built to the last day asked for, and a populate goes on where units end",
    ...holed.map(({ unit, idsLacking }) => {
      const what = idsLacking > 0n ? `lacks ${idsLacking} ids inside` : `holds ${-idsLacking} ids twice`;
      return `${unit} ${what}: barkeep detect-gaps says whether that is declared; barkeep heal makes it whole`;
    }),
  ];
}

function holedDocument(holed: readonly HoledUnit[]): object[] {
  return holed.map(({ unit, idsLacking }) => ({ unit, ids_lacking: idsLacking }));
}

function failureFields({ code, message, subject, hint }: Failure): Record<string, string | undefined> {
  return { code, message, subject, hint };
}

function stateOf(result: PopulateOutcome["results"][number]): string {
  if (result.interrupted) return "interrupted";
  const last = result.failures.at(-1);
  if (last !== undefined) return last.code.toLowerCase().replaceAll("_", " ");
  return result.days === 0 ? "up to date" : "built";
}
