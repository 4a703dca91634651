import type { SeriesLook, WatchReport } from "../watch/find-gaps.ts";
import type { DurationAnomaly, Span } from "../watch/spans.ts";
import { findingLine, type Told } from "./findings.ts";
import { formatCount, textTable } from "./text-table.ts";

const right = { align: "right" } as const;
/** So many long times, steps of price and long bars are shown of each; the document has all. */
const shownMost = 20;

/** Everything that the exit code follows from. */
export function toldOf({ findings, unmatched }: WatchReport): Told[] {
  return [...findings, ...unmatched];
}

/** The answer of `detect-gaps`. @param summary findings and totals alone */
export function detectGapsLines(report: WatchReport, summary: boolean): string[] {
  const { series, unmaintained, bars } = report;
  const details = summary
    ? []
    : [
        ...(series.length === 0 ? [] : seriesTable(series)),
        ...shown((bars?.spans ?? []).map(spanLine)),
        ...shown((bars?.durations ?? []).map(durationLine)),
        ...series.flatMap(({ explained }) =>
          explained.map((hole) => `as declared: ${hole.series}: ${hole.fromDay} … ${hole.throughDay}: ${hole.reason}`),
        ),
        ...unmaintained.map(({ series, reason }) => `not maintained: ${series}: ${reason}`),
        ...shown(series.flatMap(excusedLine)),
      ];
  return [...details, ...toldOf(report).map(findingLine), ...excusedTotal(series), closingLine(report)];
}

function excusedLine({ wish, freshness }: SeriesLook): string[] {
  if (freshness?.isExcused !== true) return [];
  const { hoursSinceLast, maxStaleHours, state } = freshness;
  const hours = formatCount(Math.floor(hoursSinceLast));
  return [
    `listed: ${wish.series}: ${state === "dead" ? "dead" : "late"}, its newest trade is ${hours} h old (usual are ${maxStaleHours} h); as new as its archive`,
  ];
}

/** No findings, and nothing that "clean" may hide: an archive that has ended looks so, and a clock that is ahead. */
function excusedTotal(series: readonly SeriesLook[]): string[] {
  const excused = series.flatMap(({ freshness }) => (freshness?.isExcused === true ? [freshness] : []));
  if (excused.length === 0) return [];
  const dead = excused.filter(({ state }) => state === "dead").length;
  const oldest = Math.floor(Math.max(...excused.map(({ hoursSinceLast }) => hoursSinceLast)));
  const counts = `${formatCount(excused.length - dead)} late, ${formatCount(dead)} dead`;
  return [`excused: ${counts}, up to ${formatCount(oldest)} h old: as new as their archive, and no max_stale_hours`];
}

function shown(lines: readonly string[]): string[] {
  if (lines.length <= shownMost) return [...lines];
  return [...lines.slice(0, shownMost), `… and ${formatCount(lines.length - shownMost)} more of these; --json has all`];
}

function spanLine({ series, fromUs, toUs, jumpDbps, continuity, proof, isLong }: Span): string {
  const hours = (Number(toUs - fromUs) / 3_600_000_000).toFixed(2);
  const what = isLong ? `${hours} h between two bars` : `a step of ${jumpDbps.toFixed(0)} dbps (${continuity})`;
  return `listed: ${series}: ${what} from ${timeOf(fromUs)}, ${proof}`;
}

function durationLine({ bar, hours, proof }: DurationAnomaly): string {
  return `listed: ${bar.series}: a bar of ${hours.toFixed(2)} h up to ${timeOf(bar.closeUs)}, ${proof}`;
}

function timeOf(us: bigint): string {
  return new Date(Number(us / 1000n)).toISOString().slice(0, 19).replace("T", " ");
}

function closingLine(report: WatchReport): string {
  const { series, unmaintained, bars } = report;
  const told = toldOf(report);
  const unknown = told.filter(({ verdict }) => verdict === "unknown").length;
  const wrong = told.length - unknown;
  const seen = `${formatCount(series.length)} series${bars === undefined ? "" : `, ${formatCount(bars.bars)} bars`}`;
  const isEmpty = series.length === 0 && unmaintained.length === 0;
  if (told.length === 0) return `${seen}: ${isEmpty ? "the store holds nothing to look at" : "clean"}`;
  const parts = [
    ...(wrong === 0 ? [] : [`${formatCount(wrong)} findings`]),
    ...(unknown === 0 ? [] : [`${formatCount(unknown)} not known`]),
  ];
  return `${seen}: ${parts.join(", ")}`;
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
