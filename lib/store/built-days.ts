import { z } from "zod";
import { chunks } from "../model/chunks.ts";
import { compare } from "../model/compare.ts";
import { addDays, daysBetween, daysInclusive, parseDay, type Day } from "../model/day.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";

const builtDayRow = z.object({
  series: z.string().transform((text) => seriesId(parseSeriesId(text))),
  segment: z.string().transform(parseSegmentId),
  day: z.string().transform(parseDay),
  sha256: z.string(),
});

/** A day of a published unit, and the archive that it was read from. */
export type BuiltDay = Readonly<z.output<typeof builtDayRow>>;

interface Wanted {
  readonly series: SeriesId;
  readonly days: readonly Day[];
}

/** A statement of ClickHouse has 256 KiB at most. */
const conditionsMost = 100_000;
/** Stretches of days, or single days, in one condition. */
const stretchesMost = 1_000;
/** Shorter stretches are asked for day by day: the engine takes seconds for a thousand stretches, and no time for a set of days. */
const stretchLeast = 8;

/** What days of some series were built from, in the order of series and days; days of which nothing is covered are absent. */
export async function builtDays(store: Store, wanted: readonly Wanted[]): Promise<BuiltDay[]> {
  const rows: BuiltDay[] = [];
  for (const condition of statements(wanted.flatMap(conditionsOf))) rows.push(...(await daysWhere(store, condition)));
  return rows.toSorted((a, b) => compare(a.series, b.series) || compare(a.day, b.day));
}

async function daysWhere(store: Store, condition: string): Promise<BuiltDay[]> {
  return store.rows(
    `SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, toString(day) AS day, argMax(source_sha256, attempt) AS sha256
FROM barkeep.coverage_published WHERE ${condition} GROUP BY series, segment, day`,
    builtDayRow,
  );
}

/** Many days that follow each other are one stretch: all days of years are a few. */
function conditionsOf({ series, days }: Wanted): string[] {
  const stretches: { from: Day; to: Day }[] = [];
  for (const day of days.toSorted()) {
    const last = stretches.at(-1);
    if (last !== undefined && (last.to === day || addDays(last.to, 1) === day)) last.to = day;
    else stretches.push({ from: day, to: day });
  }
  const isLong = ({ from, to }: (typeof stretches)[number]): boolean => daysBetween(from, to) + 1 >= stretchLeast;
  const long = stretches.filter(isLong).map(({ from, to }) => `day BETWEEN ${sqlString(from)} AND ${sqlString(to)}`);
  const single = stretches.filter((one) => !isLong(one)).flatMap(({ from, to }) => daysInclusive(from, to));
  return [
    ...chunks(long, stretchesMost).map((some) => some.join(" OR ")),
    ...chunks(single, stretchesMost).map((some) => `day IN (${some.map(sqlString).join(", ")})`),
  ].map((condition) => `(series = ${sqlString(series)} AND (${condition}))`);
}

/** Conditions put together, as many as go into one statement. */
function statements(conditions: readonly string[]): string[] {
  const all: string[] = [];
  for (const condition of conditions) {
    const last = all.at(-1);
    const isRoom = last !== undefined && last.length + condition.length < conditionsMost;
    if (isRoom) all[all.length - 1] = `${last} OR ${condition}`;
    else all.push(condition);
  }
  return all;
}
