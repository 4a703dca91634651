import { exitCodes, type ExitCode } from "../model/exit-codes.ts";
import type { SeriesLook, WatchReport } from "../watch/find-gaps.ts";
import { fingerprintOf } from "../watch/finding.ts";
import { formatCount, textTable } from "./text-table.ts";

const right = { align: "right" } as const;

/** Findings come first: where there are some, what could not be looked at changes nothing. */
export function detectGapsExitCode({ findings }: WatchReport): ExitCode {
  if (findings.some(({ verdict }) => verdict === "wrong")) return exitCodes.findings;
  return findings.length === 0 ? exitCodes.ok : exitCodes.unavailable;
}

/** The answer of `detect-gaps`. @param summary without the table of series */
export function detectGapsLines(report: WatchReport, summary: boolean): string[] {
  const { series, unmaintained, findings } = report;
  const table = summary || series.length === 0 ? [] : seriesTable(series);
  const explained = series.flatMap((one) => one.explained);
  return [
    ...table,
    ...findings.map(
      ({ kind, subject, summary, verdict }) =>
        `${verdict === "unknown" ? "unknown: " : ""}${kind} ${subject}: ${summary}`,
    ),
    ...(summary
      ? []
      : explained.map((hole) => `as declared: ${hole.series}: ${hole.fromDay} … ${hole.throughDay}: ${hole.reason}`)),
    ...unmaintained.map(({ series, reason }) => `not maintained: ${series}: ${reason}`),
    closingLine(report),
  ];
}

function closingLine({ series, findings }: WatchReport): string {
  const unknown = findings.filter(({ verdict }) => verdict === "unknown").length;
  const wrong = findings.length - unknown;
  if (findings.length === 0) return `${formatCount(series.length)} series: clean`;
  const parts = [
    wrong === 0 ? "" : `${formatCount(wrong)} findings`,
    unknown === 0 ? "" : `${formatCount(unknown)} not known`,
  ];
  return `${formatCount(series.length)} series: ${parts.filter((part) => part !== "").join(", ")}`;
}

function seriesTable(series: readonly SeriesLook[]): string[] {
  return textTable(
    [
      { title: "series" },
      { title: "bars", ...right },
      { title: "days", ...right },
      { title: "first day" },
      { title: "last day" },
      { title: "age, h", ...right },
      { title: "gaps", ...right },
    ],
    series.map(({ wish, units, freshness, gaps }) => [
      wish.series,
      formatCount(units.reduce((sum, unit) => sum + unit.bars, 0)),
      formatCount(units.reduce((sum, unit) => sum + unit.days, 0)),
      units[0]?.firstDay ?? "",
      units.at(-1)?.lastDay ?? "",
      freshness === undefined ? "" : formatCount(Math.floor(freshness.hoursSinceLast)),
      formatCount(gaps.length),
    ]),
  );
}

/** The same as one document. */
export function detectGapsDocument({
  series,
  unmaintained,
  gaps,
  findings,
  nowMs,
}: WatchReport): Record<string, unknown> {
  return {
    generated_at: new Date(nowMs).toISOString(),
    checked_pairs: series.length,
    series_gaps: gaps.map(({ fromId, throughId, ...gap }) => ({
      ...gap,
      fromId: fromId?.toString(),
      throughId: throughId?.toString(),
    })),
    findings: findings.map((finding) => ({ ...finding, fingerprint: fingerprintOf(finding) })),
    unmaintained,
  };
}
