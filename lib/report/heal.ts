import type { LeftGap } from "../heal/agenda.ts";
import type { GapResult, RepairResult } from "../heal/attempt.ts";
import type { HealPass } from "../heal/pass.ts";
import type { Repair } from "../heal/repairs.ts";
import type { HealingPlan } from "../heal/run.ts";
import type { RepairRow, UnitState } from "../store/index.ts";
import type { Finding } from "../watch/finding.ts";
import type { Gap } from "../watch/gap.ts";
import { formatCount, formatSeconds, textTable } from "./text-table.ts";

const right = { align: "right" } as const;

/** The answer of `heal`. */
export function healLines({ repairs, left, unknown }: HealPass): string[] {
  const rows = repairs.flatMap((repair) =>
    repair.gaps.map(({ gap, result, before, after }) => [
      gap.unit,
      gap.kind,
      daysOf(gap),
      repair.repair.action,
      formatSeconds(repair.elapsedMs / 1000),
      `${formatCount(before.records)} → ${formatCount(after.records)}`,
      result,
    ]),
  );
  const columns = [
    { title: "unit" },
    { title: "gap" },
    { title: "days" },
    { title: "repair" },
    { title: "time", ...right },
    { title: "trades", ...right },
    { title: "result" },
  ];
  return [
    ...(rows.length === 0 ? [] : textTable(columns, rows)),
    ...leftLines(left, unknown),
    summaryOf(repairs, left, unknown),
  ];
}

function summaryOf(repairs: readonly RepairResult[], left: readonly LeftGap[], unknown: readonly Finding[]): string {
  const tried = repairs.flatMap(({ gaps }) => gaps);
  if (tried.length === 0 && left.length === 0) return noGaps(unknown);
  const healed = tried.filter(({ result }) => result === "healed").length;
  return `${formatCount(healed)} of ${formatCount(tried.length)} gaps healed, ${formatCount(left.length)} left`;
}

/** The answer of `heal --dry-run`. */
export function healingPlanLines({ repairs, left, unknown }: HealingPlan): string[] {
  const rows = repairs.flatMap(({ priority, action, hosts, gaps }) => {
    const repair = hosts.length === 0 ? action : `${action} on ${hosts.join(" or ")}`;
    return gaps.map((gap) => [priority, gap.unit, gap.kind, daysOf(gap), repair, gap.reason]);
  });
  const columns = ["", "unit", "gap", "days", "repair", "because"].map((title) => ({ title }));
  const summary =
    rows.length === 0 && left.length === 0
      ? noGaps(unknown)
      : `${formatCount(rows.length)} gaps would be tried in ${formatCount(repairs.length)} repairs, ${formatCount(left.length)} left alone`;
  return [...(rows.length === 0 ? [] : textTable(columns, rows)), ...leftLines(left, unknown), summary];
}

function leftLines(left: readonly LeftGap[], unknown: readonly Finding[]): string[] {
  return [
    ...left.map(({ gap, text }) => `${gap.unit}: ${gap.kind} ${daysOf(gap)}: ${text}`),
    ...unknown.map(({ subject, summary }) => `${subject}: not known: ${summary}`),
  ];
}

/** What could not be looked at is not called clean. */
function noGaps(unknown: readonly Finding[]): string {
  return unknown.length === 0 ? "no gaps" : "no gaps where it could be looked";
}

function daysOf({ fromDay, throughDay }: Pick<Gap, "fromDay" | "throughDay">): string {
  return fromDay === throughDay ? fromDay : `${fromDay} … ${throughDay}`;
}

/** The same as one document. */
export function healDocument({ repairs, left, unknown, exitCode }: HealPass): Record<string, unknown> {
  return {
    exit_code: exitCode,
    repairs: repairs.map((one) => ({
      ...repairFields(one.repair),
      elapsed_ms: one.elapsedMs,
      gaps: one.gaps.map(resultFields),
      failures: one.failures.map(({ code, message, subject, hint }) => ({ code, message, subject, hint })),
    })),
    left: left.map(leftFields),
    unknown: unknown.map(({ kind, subject, summary }) => ({ kind, subject, summary })),
  };
}

export function healingPlanDocument({ repairs, left, unknown, exitCode }: HealingPlan): Record<string, unknown> {
  return {
    exit_code: exitCode,
    repairs: repairs.map((repair) => ({
      ...repairFields(repair),
      hosts: repair.hosts,
      gaps: repair.gaps.map(gapFields),
    })),
    left: left.map(leftFields),
    unknown: unknown.map(({ kind, subject, summary }) => ({ kind, subject, summary })),
  };
}

function repairFields({ action, priority, units, fromDay }: Repair): Record<string, unknown> {
  return { action, priority, units, from: fromDay ?? null };
}

function gapFields(gap: Gap): Record<string, unknown> {
  return {
    kind: gap.kind,
    cause: gap.cause,
    priority: gap.priority,
    series: gap.series,
    unit: gap.unit,
    from_day: gap.fromDay,
    through_day: gap.throughDay,
    from_id: gap.fromId ?? null,
    through_id: gap.throughId ?? null,
    reason: gap.reason,
  };
}

function resultFields({ gap, result, before, after }: GapResult): Record<string, unknown> {
  return { ...gapFields(gap), result, before: stateFields(before), after: stateFields(after) };
}

function stateFields({ build, records, bars, throughId, digest }: UnitState): Record<string, unknown> {
  return { build, records, bars, through_id: throughId, digest };
}

function leftFields({ gap, reason, text }: LeftGap): Record<string, unknown> {
  return { ...gapFields(gap), left_because: reason, text };
}

/** The answer of `heal log`. */
export function repairLogLines(rows: readonly RepairRow[]): string[] {
  if (rows.length === 0) return ["nothing was repaired yet"];
  return textTable(
    [
      { title: "ended (UTC)" },
      { title: "" },
      { title: "unit" },
      { title: "gap" },
      { title: "days" },
      { title: "repair" },
      { title: "build", ...right },
      { title: "trades", ...right },
      { title: "bars", ...right },
      { title: "try", ...right },
      { title: "result" },
    ],
    rows.map((row) => [
      row.ended_at.slice(0, 16),
      row.priority,
      row.unit,
      row.gap_kind,
      daysOf({ fromDay: row.from_day, throughDay: row.through_day }),
      row.action,
      changeOf(String(row.build_before), String(row.build_after)),
      changeOf(formatCount(row.records_before), formatCount(row.records_after)),
      changeOf(formatCount(row.bars_before), formatCount(row.bars_after)),
      String(row.try_number),
      row.code === "" || row.result === "healed" ? row.result : `${row.result}: ${row.code}`,
    ]),
  );
}

/** The same as one document. */
export function repairLogDocument(rows: readonly RepairRow[]): Record<string, unknown> {
  return { repairs: rows };
}

function changeOf(before: string, after: string): string {
  return before === after ? after : `${before} → ${after}`;
}
