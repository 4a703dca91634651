import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { z } from "zod";
import { auditSegment, type VerifyFinding } from "../../../lib/datasets/range/audit/index.ts";
import { UnavailableError } from "../../../lib/model/errors.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../../../lib/model/series.ts";
import { checkpointFault, readCheckpoint } from "../../../lib/store/checkpoint-fault.ts";
import { digestColumns } from "../../../lib/store/columns.generated.ts";
import { columns } from "../../../lib/store/columns.ts";
import { pinPublished, type PinnedSegment } from "../../../lib/store/snapshot.ts";
import { openEmbedded, type Store } from "../../../lib/store/store.ts";
import { projectRoot, temporaryFolder } from "../../ops/run.ts";
import { buildWeek, readBars, seriesAt, weekFiles } from "../../store/week.ts";
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
  ["orphans that another id ended", { bars: { set: where(orphan, { ended_by_id: "ended_by_id + 1" }) } }, ["ENDED_BY"]],
  [
    "orphans beyond their limits",
    { bars: { set: where(orphan, { close: "2 * open", high: "2 * open" }) } },
    ["BREACHED_OPEN"],
  ],
  [
    "orphans that reach into their holes",
    { bars: { set: where(orphan, { last_agg_trade_id: "last_agg_trade_id + 1" }) } },
    ["BAR_NOT_COVERED"],
  ],
  ["an orphan's volume", { bars: { set: where(orphan, { volume: "volume + 1" }) } }, ["CONSERVATION", "SIDES", "VWAP"]],
  [
    "quarantined ids forgotten",
    { coverage: { set: { quarantined: "0" } } },
    ["COVERAGE_COUNTS", "IDS", "MISSING_BARS"],
  ],
  [
    "coverage that lost a row",
    { coverage: { without: "part = 3" } },
    ["BAR_NOT_COVERED", "CONSERVATION", "COVERAGE_CHAIN", "ORPHAN_COUNT", "TIME_OUTSIDE_COVERAGE"],
  ],
];

for (const [what, tampering, codes] of weekCases) {
  test(`a week with holes and orphans: ${what}`, async () => {
    assert.deepEqual(await codesOf(week, tampering), codes);
  });
}

/** What happens to a cell; each gives another value for nearly every value. */
const damage = fc.constantFrom<(column: string) => string>(
  (column) => `${column} + 1`,
  (column) => `${column} - 1`,
  (column) => `-${column}`,
  (column) => `intDiv(${column}, 1000)`,
  (column) => `${column} * 1000`,
  () => "0",
);

/**
 * Of a completed bar the digest knows every integer; of an orphan the rules know these. Its ids, too, but where rows were
 * quarantined beside it: their ids are not on record.
 */
const orphanColumns = [
  "volume",
  "turnover",
  "individual_trade_count",
  "agg_record_count",
  "vwap",
  "open_time",
  "close_time",
] as const;
const storedColumns = ["duration_us", "ended_by_id", "is_orphan", "attempt"] as const;
const coverageTypes = {
  attempt: "UInt64",
  part: "UInt32",
  from_id: "Int64",
  through_id: "Int64",
  records: "UInt64",
  fills: "UInt64",
  volume: "Int128",
  turnover: "Int128",
  bars: "UInt64",
  orphans: "UInt64",
  quarantined: "UInt64",
  bars_digest: "UInt64",
} as const;

const countRow = z.object({ rows: z.coerce.number() });

/** Damages one cell of the week, where that changes it, and expects to hear of it. */
async function checkDamage(
  table: "bars" | "coverage",
  row: string,
  column: string,
  type: string,
  value: string,
): Promise<void> {
  const cell = `CAST(${value}, '${type}')`;
  const [changed] = await store.rows(
    `SELECT count() AS rows FROM barkeep.${table} WHERE series = '${week.series}' AND ${row} AND ${cell} != ${column}`,
    countRow,
  );
  fc.pre(changed?.rows === 1);
  const findings = await audit(await tampered(week, { [table]: { set: where(row, { [column]: cell }) } }));
  assert.notDeepEqual(findings, [], `${table} where ${row}: ${column} is ${value}`);
}

test("whatever cell of a bar that the rules or the digest know is damaged, it is found", async () => {
  const bars = (await readBars(store, "bars", [parseSeriesId(week.series)])).get(week.series) ?? [];
  const cell = fc.constantFrom(...bars).chain(({ last_id: id, reason }) =>
    fc.record({
      row: fc.constant(`last_agg_trade_id = ${id}`),
      column: fc.constantFrom(...(reason === "none" ? digestColumns : orphanColumns), ...storedColumns),
      damage,
    }),
  );
  await fc.assert(
    fc.asyncProperty(cell, async ({ row, column, damage }) => {
      const type = columns.find(({ name }) => name === column)?.type ?? "";
      await checkDamage("bars", row, column, type, damage(column));
    }),
    { numRuns: 40 },
  );
});

test("whatever checked cell of coverage is damaged, it is found", async () => {
  const cell = fc.record({
    part: fc.constantFrom(...week.parts.map(({ part }) => part)),
    column: fc.constantFrom(...Object.entries(coverageTypes)),
    damage,
  });
  await fc.assert(
    fc.asyncProperty(cell, async ({ part, column: [column, type], damage }) => {
      await checkDamage("coverage", `part = ${part}`, column, type, damage(column));
    }),
    { numRuns: 40 },
  );
});

test("a checkpoint with any bit flipped is not gone on from", () => {
  const row = { ...(real.parts.at(-1) ?? real.parts[0]), thresholdDbps: 25 };
  const good = Buffer.from(row.checkpoint, "base64");
  assert.equal(readCheckpoint(row, good).fault, undefined);
  for (let bit = 0; bit < good.length * 8; bit += 1) {
    const bad = Buffer.from(good);
    bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(readCheckpoint(row, bad).fault?.code, "CHECKPOINT_CORRUPT", `bit ${bit}`);
  }
  const newer = Buffer.from(resealed(row.checkpoint, (body) => body.writeUInt16LE(2, 4)).slice(1, -1), "base64");
  assert.equal(readCheckpoint(row, newer).fault?.code, "CHECKPOINT_VERSION");
});

test("a checkpoint is held against the row that carries it", () => {
  const row = { ...(real.parts.at(-1) ?? real.parts[0]), thresholdDbps: 25 };
  const { content } = readCheckpoint(row, Buffer.from(row.checkpoint, "base64"));
  assert.ok(content !== undefined);
  assert.equal(checkpointFault(row, content), undefined);
  for (const [other, code] of [
    [{ thresholdDbps: 26 }, "CHECKPOINT_MISMATCH"],
    [{ throughId: row.throughId - 1n }, "CHECKPOINT_AHEAD"],
    [{ throughId: row.throughId + 1n }, "CHECKPOINT_MISMATCH"],
    [{ lastUs: row.lastUs - 1n }, "CHECKPOINT_MISMATCH"],
    [{ lastUs: row.lastUs + 1n }, "CHECKPOINT_MISMATCH"],
    [{ barsDigest: row.barsDigest ^ 1n }, "CHECKPOINT_MISMATCH"],
  ] as const) {
    assert.equal(checkpointFault({ ...row, ...other }, content)?.code, code);
  }
  // An interval without trades may end later than the last trade, at its day's start.
  assert.equal(checkpointFault({ ...row, records: 0n, lastUs: row.lastUs + 1n }, content), undefined);
  assert.equal(checkpointFault(row, { ...content, lastId: undefined })?.code, "CHECKPOINT_MISMATCH");
});

test("of many findings of a kind a few are listed and the rest is counted", async () => {
  const findings = await audit(await tampered(real, { bars: { set: { vwap: "vwap + 1" } } }));
  const ofVwap = findings.filter(({ code }) => code === "VWAP");
  assert.equal(ofVwap.length, 5);
  assert.deepEqual(
    ofVwap.map(({ more }) => more),
    [undefined, undefined, undefined, undefined, 100],
  );
  assert.match(ofVwap.at(-1)?.text ?? "", /and 100 more$/);
  for (const { id, day, segment } of ofVwap) assert.ok(id !== undefined && day === "2024-08-08" && segment === "2024");
});

test("docs/verify.md explains every code that is expected here", () => {
  const page = readFileSync(join(projectRoot, "docs/verify.md"), "utf8");
  const codes = [...barCases, ...coverageCases, ...weekCases].flatMap(([, , codes]) => codes);
  for (const code of new Set(codes)) assert.ok(page.includes(`\`${code}\``), code);
});
