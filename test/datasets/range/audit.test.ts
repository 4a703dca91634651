import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { auditSegment, type VerifyFinding } from "../../../lib/datasets/range/audit/index.ts";
import { UnavailableError } from "../../../lib/model/errors.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../../../lib/model/series.ts";
import { pinPublished, type PinnedSegment } from "../../../lib/store/snapshot.ts";
import { openEmbedded, type Store } from "../../../lib/store/store.ts";
import { temporaryFolder } from "../../ops/run.ts";
import { buildWeek, seriesAt, weekFiles } from "../../store/week.ts";
import { buildDays, sampleDays } from "./days.ts";

let store: Store;
/** Real trades without a hole, a day a commit: bars, and one that is forming. */
let real: PinnedSegment;
/** A week with holes, orphans and quarantined rows, some days a commit; it ended at its boundary. */
let week: PinnedSegment;
let copies = 0;

before(async () => {
  store = await openEmbedded(join(temporaryFolder("audit"), "state"));
  await buildDays(store, seriesAt("real", 25), "year", sampleDays());
  const ofWeek = seriesAt("week", 40);
  await buildWeek(store, weekFiles(), [ofWeek], 2);
  real = await pinnedOf("range:real/spot/BTCUSDT@25");
  week = await pinnedOf(seriesId(ofWeek));
});
after(async () => {
  await store.close();
});

async function pinnedOf(series: SeriesId): Promise<PinnedSegment> {
  const [pinned] = await pinPublished(store, series);
  assert.ok(pinned !== undefined, series);
  return pinned;
}

/** How a copy differs: columns by what they become, rows that are left out, rows that are there twice. */
interface Change {
  readonly set?: Readonly<Record<string, string>>;
  readonly without?: string;
  readonly twice?: string;
}

interface Tampering {
  readonly bars?: Change;
  readonly coverage?: Change;
  readonly builds?: Change;
}

/** Copies a series under another venue, changed on its way; a venue is in the key and in nothing else. */
async function tampered(of: PinnedSegment, { bars, coverage, builds }: Tampering): Promise<SeriesId> {
  copies += 1;
  const name = seriesId({ ...parseSeriesId(of.series), venue: `copy${copies}` });
  const changes = { bars, coverage, builds, pointer: undefined };
  for (const [table, change] of Object.entries(changes)) {
    const set = Object.entries(change?.set ?? {}).map(([column, value]) => `${value} AS ${column}`);
    const replaced = [`'${name}' AS series`, ...set].join(", ");
    const rows = (condition: string): string =>
      `INSERT INTO barkeep.${table} SELECT * REPLACE (${replaced})
FROM (SELECT * FROM barkeep.${table} WHERE series = '${of.series}' AND (${condition}))`;
    await store.command(rows(`NOT (${change?.without ?? "false"})`));
    if (change?.twice !== undefined) await store.command(rows(change.twice));
  }
  return name;
}

async function audit(series: SeriesId): Promise<VerifyFinding[]> {
  return auditSegment(store, await pinnedOf(series), { signal: AbortSignal.timeout(60_000) });
}

async function codesOf(of: PinnedSegment, tampering: Tampering): Promise<string[]> {
  const findings = await audit(await tampered(of, tampering));
  return [...new Set(findings.map(({ code }) => code))].toSorted();
}

/** One bar of the real ones, by its place. */
function nth(n: number): string {
  const inOrder = `(SELECT arraySort(groupArray(first_agg_trade_id)) FROM barkeep.bars WHERE series = 'range:real/spot/BTCUSDT@25')`;
  return `first_agg_trade_id = ${inOrder}[${n}]`;
}

/** Columns that become something else in some rows. */
function where(condition: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([column, value]) => [column, `if(${condition}, ${value}, ${column})`]),
  );
}

test("what was built is proven, and so is its copy", async () => {
  for (const pinned of [real, week]) {
    assert.deepEqual(await audit(pinned.series), []);
    assert.deepEqual(await audit(await tampered(pinned, {})), []);
  }
});

const one = nth(20);
const briefest = `first_agg_trade_id = (SELECT argMin(first_agg_trade_id, agg_record_count) FROM barkeep.bars
  WHERE series = 'range:real/spot/BTCUSDT@25')`;
const inSeconds = {
  open_time: "intDiv(open_time, 1000)",
  close_time: "intDiv(close_time, 1000)",
  duration_us: "intDiv(close_time, 1000) - intDiv(open_time, 1000)",
};
const lost = ["BAR_COUNT", "CONSERVATION", "DIGEST", "MISSING_BARS"];

const barCases: readonly (readonly [what: string, bars: Change, codes: readonly string[]])[] = [
  ["open above high", { set: where(one, { open: "high + 1" }) }, ["DIGEST", "NOT_BREACHED", "OHLC"]],
  ["low 0", { set: where(one, { low: "0" }) }, ["DIGEST", "OHLC"]],
  ["high that no rule can know to be wrong", { set: where(one, { high: "high + 1" }) }, ["DIGEST"]],
  ["high of none of two trades", { set: where(briefest, { high: "high + 1" }) }, ["DIGEST", "EXTREMES"]],
  ["close inside the limits", { set: where(one, { close: "open" }) }, ["DIGEST", "NOT_BREACHED"]],
  ["volume", { set: where(one, { volume: "volume + 1" }) }, ["CONSERVATION", "DIGEST", "SIDES", "VWAP"]],
  ["turnover", { set: where(one, { turnover: "turnover + 1" }) }, ["CONSERVATION", "DIGEST", "SIDES"]],
  [
    "turnover on the wrong side",
    { set: where(one, { buy_turnover: "turnover", sell_turnover: "0" }) },
    ["DIGEST", "TURNOVER"],
  ],
  ["vwap rounded up", { set: where(one, { vwap: "vwap + 1" }) }, ["DIGEST", "VWAP"]],
  ["records", { set: where(one, { agg_record_count: "agg_record_count + 1" }) }, ["CONSERVATION", "DIGEST", "IDS"]],
  [
    "fewer fills than trades",
    { set: where(one, { individual_trade_count: "1", buy_trade_count: "0", sell_trade_count: "1" }) },
    ["CONSERVATION", "COUNTS", "DIGEST", "SIDES"],
  ],
  [
    "a first id",
    { set: where(one, { first_agg_trade_id: "first_agg_trade_id + 1" }) },
    ["DIGEST", "IDS", "MISSING_BARS"],
  ],
  ["open time", { set: where(one, { open_time: "open_time + 1" }) }, ["DIGEST", "TIMES"]],
  [
    "closed in its opening trade's time",
    { set: where(one, { close_time: "open_time", duration_us: "0" }) },
    ["DIGEST", "GATE"],
  ],
  [
    "S-31 seconds for milliseconds",
    { set: where(one, inSeconds) },
    ["DIGEST", "TIME_ORDER", "TIME_OUTSIDE_COVERAGE", "TIME_OUTSIDE_SEGMENT"],
  ],
  ["a reason without the flag", { set: where(one, { orphan_reason: "'id_gap'" }) }, ["ENDED_BY", "ORPHAN"]],
  ["an end that is not its own", { set: where(one, { ended_by_id: "ended_by_id - 1" }) }, ["ENDED_BY"]],
  ["an end behind what is covered", { set: where(one, { ended_by_id: "ended_by_id + 1000000" }) }, lost],
  ["a row of another attempt", { set: where(one, { attempt: "attempt + 1" }) }, lost],
  ["a row that is gone", { without: one }, lost],
  ["all rows gone", { without: "true" }, lost],
  ["a row that is there twice", { twice: one }, ["BAR_COUNT", "CONSERVATION", "DIGEST", "DUPLICATE_BAR"]],
  [
    "two bars that end at the same trade",
    {
      set: where(nth(21), {
        first_agg_trade_id: "first_agg_trade_id - 3",
        last_agg_trade_id: "first_agg_trade_id - 1",
      }),
    },
    ["DIGEST", "DUPLICATE_BAR", "ENDED_BY", "IDS", "MISSING_BARS"],
  ],
];

for (const [what, bars, codes] of barCases) {
  test(`a tampered bar: ${what}`, async () => {
    assert.deepEqual(await codesOf(real, { bars }), codes);
  });
}

const [first, last] = ["part = 0", "part = 1"];
const coverageCases: readonly (readonly [what: string, coverage: Change, codes: readonly string[]])[] = [
  ["records", { set: where(first, { records: "records + 1" }) }, ["CONSERVATION", "COVERAGE_COUNTS"]],
  ["fills", { set: where(first, { fills: "fills + 1" }) }, ["CONSERVATION"]],
  ["fewer fills than trades", { set: where(first, { fills: "1" }) }, ["CONSERVATION", "COVERAGE_SUMS"]],
  ["volume", { set: where(last, { volume: "volume - 1" }) }, ["CONSERVATION"]],
  ["turnover", { set: where(last, { turnover: "turnover + 1" }) }, ["CONSERVATION"]],
  ["bars", { set: where(first, { bars: "bars - 1" }) }, ["BAR_COUNT"]],
  ["orphans", { set: where(first, { orphans: "1" }) }, ["ORPHAN_COUNT"]],
  ["quarantined", { set: where(first, { quarantined: "1" }) }, ["COVERAGE_COUNTS"]],
  ["ids that overlap", { set: where(last, { from_id: "from_id - 1" }) }, ["COVERAGE_COUNTS", "OVERLAP"]],
  [
    "an id left out",
    { set: where(last, { from_id: "from_id + 1" }) },
    ["CONSERVATION", "COVERAGE_COUNTS", "SPANS_HOLE"],
  ],
  [
    "fewer ids at the end",
    { set: where(last, { through_id: "through_id - 1" }) },
    ["CHECKPOINT_AHEAD", "COVERAGE_COUNTS"],
  ],
  [
    "more ids at the end",
    { set: where(last, { through_id: "through_id + 1" }) },
    ["CHECKPOINT_MISMATCH", "COVERAGE_COUNTS"],
  ],
  ["a digest inside", { set: where(first, { bars_digest: "bars_digest + 1" }) }, ["CHECKPOINT_MISMATCH", "DIGEST"]],
  [
    "the digest at the end",
    { set: where(last, { bars_digest: "bars_digest + 1" }) },
    ["CHECKPOINT_MISMATCH", "DIGEST"],
  ],
  ["day", { set: where(last, { day: "day + 1" }) }, ["COVERAGE_SOURCE", "COVERAGE_TIME"]],
  [
    "a day outside the segment",
    { set: where(last, { day: "day + 300" }) },
    ["COVERAGE_DAY", "COVERAGE_SOURCE", "COVERAGE_TIME"],
  ],
  ["a last time", { set: where(last, { last_us: "last_us + 1" }) }, ["CHECKPOINT_MISMATCH"]],
  [
    "times that are not in order",
    { set: where(last, { first_us: "last_us + 1" }) },
    ["COVERAGE_TIME", "TIME_OUTSIDE_COVERAGE"],
  ],
  ["a number", { set: where(last, { part: "2" }) }, ["COVERAGE_CHAIN"]],
  ["a base", { set: where(last, { base: "[(toUInt64(1), toInt64(5))]" }) }, ["COVERAGE_CHAIN"]],
  ["no digest of its archive", { set: where(last, { source_sha256: "''" }) }, ["COVERAGE_SOURCE"]],
  [
    "another day's archive",
    { set: where(last, { source_name: "'BTCUSDT-aggTrades-2024-08-08.zip'" }) },
    ["COVERAGE_SOURCE"],
  ],
  ["a row that is there twice", { twice: last }, ["CONSERVATION", "COVERAGE_CHAIN", "OVERLAP"]],
  ["no checkpoint", { set: where(last, { checkpoint: "''" }) }, ["CHECKPOINT_MISSING"]],
  [
    "an earlier commit's checkpoint",
    {
      set: where(last, {
        checkpoint: `(SELECT checkpoint FROM barkeep.coverage WHERE series = 'range:real/spot/BTCUSDT@25' AND part = 0)`,
      }),
    },
    ["CHECKPOINT_MISMATCH"],
  ],
  [
    "a later commit's checkpoint",
    {
      set: where(first, {
        checkpoint: `(SELECT checkpoint FROM barkeep.coverage WHERE series = 'range:real/spot/BTCUSDT@25' AND part = 1)`,
      }),
    },
    ["CHECKPOINT_AHEAD"],
  ],
  [
    "a checkpoint with a changed byte",
    { set: where(last, { checkpoint: "concat('R', substring(checkpoint, 2))" }) },
    ["CHECKPOINT_CORRUPT"],
  ],
];

for (const [what, coverage, codes] of coverageCases) {
  test(`tampered coverage: ${what}`, async () => {
    assert.deepEqual(await codesOf(real, { coverage }), codes);
  });
}

test("a build that is not on record is found, and one made by other bars is not judged", async () => {
  assert.deepEqual(await codesOf(real, { builds: { without: "true" } }), ["BUILD_UNKNOWN"]);
  const other = await tampered(real, { builds: { set: { bar_version: "bar_version + 1" } } });
  await assert.rejects(audit(other), (error) => {
    assert.ok(error instanceof UnavailableError);
    assert.equal(error.code, "OTHER_BAR_VERSION");
    return true;
  });
});

/** A checkpoint whose bytes were changed, with the seal that belongs to them: the first 16 of the SHA-256 of all before it. */
function resealed(checkpoint: string, change: (body: Buffer) => void): string {
  const body = Buffer.from(checkpoint, "base64").subarray(0, -16);
  change(body);
  const seal = createHash("sha256").update(body).digest().subarray(0, 16);
  return `'${Buffer.concat([body, seal]).toString("base64")}'`;
}

test("a forming bar that its coverage did not make is found behind a good seal too", async () => {
  const good = real.parts.at(-1)?.checkpoint ?? "";
  // Behind magic, version, configuration, position, digest and flag: 13 numbers of 8 bytes, then 4 of 16.
  const forming = 45;
  const add = (at: number) => (body: Buffer) =>
    body.writeBigInt64LE(body.readBigInt64LE(forming + at) + 1n, forming + at);
  const scale = (at: number) => (body: Buffer) =>
    body.writeBigInt64LE(body.readBigInt64LE(forming + at) * 2n, forming + at);
  for (const [change, codes] of [
    [add(13 * 8), ["CONSERVATION"]],
    [add(11 * 8), ["CONSERVATION"]],
    [add(6 * 8), ["IDS", "MISSING_BARS"]],
    [scale(3 * 8), ["BREACHED_OPEN", "OHLC"]],
  ] as const) {
    const checkpoint = resealed(good, change);
    assert.deepEqual(await codesOf(real, { coverage: { set: where(last, { checkpoint }) } }), codes);
  }
});

const orphan = "is_orphan = 1 AND orphan_reason = 'id_gap'";
const weekCases: readonly (readonly [what: string, tampering: Tampering, codes: readonly string[]])[] = [
  ["a missing orphan", { bars: { without: orphan } }, ["CONSERVATION", "MISSING_BARS", "ORPHAN_COUNT"]],
  [
    "orphans that pass for completed bars",
    { bars: { set: where(orphan, { is_orphan: "0", orphan_reason: "'none'", ended_by_id: "last_agg_trade_id" }) } },
    ["BAR_COUNT", "DIGEST", "NOT_BREACHED", "ORPHAN_COUNT"],
  ],
  [
    "orphans of another reset",
    { bars: { set: where("orphan_reason = 'week_boundary'", { orphan_reason: "'month_boundary'" }) } },
    ["ORPHAN"],
  ],
  ["an orphan that ended nowhere", { bars: { set: where(orphan, { ended_by_id: "ended_by_id + 5" }) } }, ["ENDED_BY"]],
  [
    "orphans beyond their limits",
    { bars: { set: where(orphan, { close: "2 * open", high: "2 * open" }) } },
    ["BREACHED_OPEN"],
  ],
  ["an orphan's volume", { bars: { set: where(orphan, { volume: "volume + 1" }) } }, ["CONSERVATION", "SIDES", "VWAP"]],
  ["quarantined ids forgotten", { coverage: { set: { quarantined: "0" } } }, ["COVERAGE_COUNTS", "MISSING_BARS"]],
  ["a row out of the middle", { coverage: { without: "part = 3" } }, []],
];

for (const [what, tampering, codes] of weekCases) {
  test(`a week with holes and orphans: ${what}`, async () => {
    assert.deepEqual(await codesOf(week, tampering), codes);
  });
}
