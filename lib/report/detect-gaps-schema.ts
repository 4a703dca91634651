import { z } from "zod";
import { causesOfGaps, kindsOfGaps } from "../watch/gap.ts";

const symbol = z.string();
const threshold_dbps = z.int();
const pair = { symbol, threshold_dbps };
const milliseconds = z.int().describe("since the epoch, UTC");
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
const id = z
  .string()
  .regex(/^-?\d+$/)
  .describe("an aggregate trade's id, as decimal text");

const proof = z
  .enum(["contiguous", "hole", "declared", "accepted", "not-provable"])
  .describe("contiguous: the ids follow each other, nothing is missing");

const span = z.strictObject({
  ...pair,
  gap_start_ms: milliseconds,
  gap_end_ms: milliseconds,
  gap_hours: z.number().describe("from one bar's close to the next one's, two places"),
  close_before: z.number(),
  open_after: z.number(),
  price_gap_dbps: z.number().describe("1 dbps = 0.001 %, of close_before"),
  gap_type: z.enum(["temporal", "price", "both"]),
  gap_start: z.iso.datetime(),
  gap_end: z.iso.datetime(),
  proof,
  continuity: z.enum(["precision", "noise", "market-move", "microstructure", "session-boundary"]),
});

const stalePair = z.strictObject({
  ...pair,
  latest_bar: z.iso.datetime().describe("the newest trade that is covered"),
  hours_since_last_bar: z.number(),
  bars_per_day: z.number(),
  max_stale_hours: z.number(),
  is_dead: z.boolean().describe("older than ten times its objective"),
});

const durationAnomaly = z.strictObject({
  ...pair,
  close_time_ms: milliseconds,
  duration_hours: z.number(),
  bar_open: z.number(),
  bar_close: z.number(),
  internal_range_dbps: z.number(),
  proof,
});

const tradeIdGap = z.strictObject({
  ...pair,
  close_time_ms: milliseconds.nullable().describe("the first trade behind it; null where only ids are known"),
  prev_close_time_ms: milliseconds.nullable(),
  first_agg_trade_id: id.describe("of the trade behind it"),
  prev_last_agg_trade_id: id,
  missing_trades: z
    .string()
    .regex(/^-?\d+$/)
    .describe("below zero: so many ids are there twice"),
  classification: z
    .enum(["registered", "accepted", "unregistered"])
    .describe("registered: known_gaps of the registry has it; accepted: a person has, for a time; unregistered: a gap"),
  known_gap_reason: z
    .string()
    .nullable()
    .describe("the registry's words, or by whom it was accepted, until when and why"),
});

const coverage = z.strictObject({
  ...pair,
  total_bars: z.int(),
  earliest_ms: milliseconds,
  latest_ms: milliseconds,
  days_covered: z.int(),
  bars_per_day: z.number(),
  gap_count: z
    .int()
    .nullable()
    .describe("long times between bars; null where bars were not looked at, as the next two"),
  total_gap_hours: z.number().nullable(),
  max_gap_hours: z.number().nullable(),
  hours_since_last_bar: z.number(),
  is_stale: z.boolean(),
});

const backfillQueue = z.strictObject({
  by_status: z.record(z.string(), z.int()),
  oldest_pending: z.string().nullable(),
  max_running_hours: z.number().nullable(),
  is_healthy: z.boolean(),
});

const absence = z
  .strictObject({
    since: z.iso.datetime().describe("every look since has found all of these days absent"),
    asked_at: z.iso.datetime().describe("when the archive was last asked for them"),
    published_through: day.describe("later days are there, up to this one"),
  })
  .nullable()
  .describe("what shows that these days are missing upstream; null where they are not, or were not asked for");

const seriesGap = z.strictObject({
  kind: z.enum(kindsOfGaps),
  cause: z.enum(causesOfGaps),
  priority: z.enum(["P0", "P1", "P2"]).describe("P0: the live edge; P1: ended less than 48 h ago; P2: older"),
  series: z.string(),
  unit: z.string(),
  from_day: day,
  through_day: day.describe("inclusive"),
  from_id: id.nullable(),
  through_id: id.nullable().describe("inclusive"),
  proof: z.string().describe("one sentence"),
  absence,
});

const finding = z.strictObject({
  kind: z.string(),
  subject: z.string(),
  place: z.string().nullable(),
  verdict: z.enum(["wrong", "unknown"]),
  summary: z.string(),
  evidence: z.record(z.string(), z.string()),
  fingerprint: z.string().describe("the same for the same trouble, whenever it is found"),
});

/** What `detect-gaps --json` prints; docs/schema/detect-gaps.json is made of it. */
export const detectGapsSchema = z
  .strictObject({
    version: z.literal(1),
    generated_at: z.iso.datetime(),
    verdict: z.enum(["clean", "findings", "unknown"]).describe("exit code 0, 1, 2"),
    bars_looked_at: z.int().nullable().describe("null: coverage alone was looked at"),
    checked_pairs: z.int(),
    skipped_pairs: z.int().describe("in the store, and not to be kept"),
    temporal_gap_count: z.int().nullable().describe("null: not looked for, as the other two"),
    price_gap_count: z.int().nullable(),
    stale_pair_count: z.int(),
    duration_anomaly_count: z.int().nullable(),
    lists_are_cut: z
      .boolean()
      .describe("there are more gaps or duration_anomalies than are listed; those that lack ids are listed first"),
    gaps: z.array(span).describe("bars that follow each other late, or at another price"),
    stale_pairs: z.array(stalePair),
    duration_anomalies: z.array(durationAnomaly),
    trade_id_gaps: z.array(tradeIdGap),
    trade_id_unregistered_count: z.int(),
    coverage: z.array(coverage),
    backfill_queue: backfillQueue.optional(),
    series_gaps: z.array(seriesGap).describe("expected, less covered, less declared"),
    explained: z.array(
      z.strictObject({ series: z.string(), from_day: day, through_day: day, reason: z.string(), absence }),
    ),
    unmaintained: z.array(z.strictObject({ series: z.string(), reason: z.string() })),
    archives: z.array(
      z.strictObject({
        market: z.string(),
        symbol,
        first_day: day.nullable(),
        last_day: day.nullable(),
        looked_at: z.iso.datetime().nullable().describe("when that was found out"),
        is_remembered: z.boolean().describe("it could not be looked at this time"),
      }),
    ),
    findings: z.array(finding).describe("everything that is wrong"),
    unknowns: z.array(finding).describe("everything that could not be looked at, or proven either way"),
  })
  .meta({ title: "barkeep detect-gaps" });

export type DetectGapsDocument = z.input<typeof detectGapsSchema>;
