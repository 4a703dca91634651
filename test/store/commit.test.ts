import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { z } from "zod";
import { parseDay, type Day } from "../../lib/model/day.ts";
import { Failure, RefusedError, UnavailableError } from "../../lib/model/errors.ts";
import { seriesId, type RangeSeries, type SeriesId } from "../../lib/model/series.ts";
import { foldDigest, Job } from "../../lib/native/index.ts";
import type { DayFile } from "../../lib/sources/archive/types.ts";
import { commitUnits, type NewCoverage, type UnitCommit } from "../../lib/store/commit.ts";
import { holesOf } from "../../lib/store/coverage.ts";
import { digestOfBars } from "../../lib/store/digest.ts";
import { pinPublished, type CoverageRow } from "../../lib/store/snapshot.ts";
import { openEmbedded, openStore, type Store } from "../../lib/store/store.ts";
import { openUnit, type OpenUnit } from "../../lib/store/units.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import {
  buildWeek,
  idsBehindHoles,
  openWeek,
  readBars,
  readParts,
  seriesAt,
  week,
  weekDays,
  weekFiles,
  weekTrades,
} from "./week.ts";

let store: Store;
let files: ReadonlyMap<Day, DayFile>;
const first = seriesAt("binance", 10);
const second = seriesAt("binance", 40);
const series = [first, second];

before(async () => {
  store = await openEmbedded(join(temporaryFolder("commit"), "state"));
  files = weekFiles();
});
after(async () => {
  await store.close();
});
beforeEach(async () => {
  await truncate(store);
});

async function truncate(of: Store): Promise<void> {
  for (const table of ["bars", "coverage", "pointer", "builds"]) await of.command(`TRUNCATE TABLE barkeep.${table}`);
}

const fingerprint = { barVersion: 1, featureProfile: "base", gateUnitUs: 1, segmentation: "week" } as const;

async function unitOf(of: Store, one: RangeSeries): Promise<OpenUnit> {
  return openUnit(of, { series: seriesId(one), segment: week.id, fingerprint, firstDay: week.firstDay });
}

/** What two days make for one unit, ready to be committed. */
async function commitOf(unit: OpenUnit, one: RangeSeries, days: readonly Day[]): Promise<UnitCommit> {
  const job = new Job({ thresholds: [one.threshold], gateUnitUs: 1, segmentation: "week" });
  if (unit.resume !== undefined) job.restoreUnit(0, unit.resume.checkpoint);
  for (const day of days) {
    const file = files.get(day);
    assert.ok(file !== undefined);
    await job.ingestDay({ path: file.path, sha256: file.sha256, symbol: "BTCUSDT", day, barsMax: 100_000 });
  }
  const output = job.take(0, { series: unit.series, segment: unit.segment, build: unit.build, attempt: unit.attempt });
  const coverage = output.parts.map((part, i): NewCoverage => {
    const day = parseDay(new Date(Number(part.firstUs / 1000n)).toISOString().slice(0, 10));
    const isLast = i === output.parts.length - 1;
    return {
      ...part,
      day,
      dayDone: true,
      sourceName: files.get(day)?.name ?? "",
      sourceSha256: files.get(day)?.sha256 ?? "",
      sourceRevision: 1,
      checkpoint: isLast ? output.checkpoint : undefined,
    };
  });
  return { unit, bars: output.bars, block: output.block, coverage };
}

async function coverageOf(name: SeriesId): Promise<CoverageRow[]> {
  return (await pinPublished(store, name)).flatMap((pinned) => pinned.parts);
}

const countRow = z.object({ rows: z.coerce.number() });

async function countOf(of: Store, table: string): Promise<number> {
  const [row] = await of.rows(`SELECT count() AS rows FROM barkeep.${table}`, countRow);
  return row?.rows ?? -1;
}

const twoDays = weekDays.slice(0, 2);

test("a commit's coverage says what its archive holds: ids, records, fills, ghosts, bars, digest", async () => {
  await buildWeek(store, files, series, 3);
  const parts = await readParts(store, "coverage", series);
  const countsRow = z.object({
    series: z.string(),
    day: z.string(),
    records: z.coerce.number(),
    fills: z.coerce.number(),
    quarantined: z.coerce.number(),
    bars: z.coerce.number(),
    orphans: z.coerce.number(),
    volume: z.string(),
  });
  const counts = await store.rows(
    `SELECT series, day, sum(records) AS records, sum(fills) AS fills, sum(quarantined) AS quarantined,
  sum(bars) AS bars, sum(orphans) AS orphans, toString(sum(volume)) AS volume
FROM barkeep.coverage_published GROUP BY series, day`,
    countsRow,
  );
  assert.equal(counts.length, weekDays.length * series.length);
  for (const row of counts) {
    const trades = weekTrades.get(parseDay(row.day)) ?? [];
    const real = trades.filter(({ isGhost }) => !isGhost);
    assert.equal(row.records, real.length, row.day);
    assert.equal(row.quarantined, trades.length - real.length, row.day);
    assert.equal(
      row.fills,
      real.reduce((sum, { firstId, lastId }) => sum + lastId - firstId + 1, 0),
      row.day,
    );
    const volume = real.reduce((sum, { quantity }) => sum + BigInt(quantity.replace("0.", "")), 0n);
    assert.equal(row.volume, volume.toString(), row.day);
  }
  for (const one of series) {
    const name = seriesId(one);
    const bars = (await readBars(store, "bars", [one])).get(name) ?? [];
    const own = counts.filter((row) => row.series === name);
    const sum = (key: "bars" | "orphans"): number => own.reduce((total, row) => total + row[key], 0);
    assert.equal(sum("bars"), bars.filter(({ reason }) => reason === "none").length);
    assert.equal(sum("orphans"), bars.filter(({ reason }) => reason !== "none").length);
    const { digest } = await digestOfBars(store, `barkeep.bars_published WHERE series = '${name}' AND is_orphan = 0`);
    assert.equal(parts.get(name)?.at(-1)?.bars_digest, digest.toString());
    const holes = holesOf(await coverageOf(name));
    assert.deepEqual(
      holes.map(({ throughId }) => throughId + 1n),
      idsBehindHoles,
    );
  }
});

test("each part's digest is that of the bars up to its end", async () => {
  await buildWeek(store, files, [first], 2);
  const name = seriesId(first);
  for (const part of await coverageOf(name)) {
    const from = `barkeep.bars_published WHERE series = '${name}' AND is_orphan = 0 AND last_agg_trade_id <= ${part.throughId}`;
    assert.equal((await digestOfBars(store, from)).digest, part.barsDigest, part.day);
  }
});

test("orphans are stored with their reason, once, and the digest does not see them", async () => {
  await buildWeek(store, files, series, 1);
  for (const [name, bars] of await readBars(store, "bars_published", series)) {
    const orphans = bars.filter(({ reason }) => reason !== "none");
    assert.ok(
      orphans.some(({ reason }) => reason === "id_gap"),
      name,
    );
    assert.equal(new Set(orphans.map(({ last_id }) => last_id)).size, orphans.length);
    if (name === seriesId(second)) assert.equal(bars.at(-1)?.reason, "week_boundary");
  }
});

test("a position moves on with each commit, and the checkpoint is on the last row of each", async () => {
  const unit = await unitOf(store, first);
  assert.equal(unit.resume, undefined);
  const commit = await commitOf(unit, first, twoDays);
  await commitUnits(store, [commit]);
  const last = commit.coverage.at(-1);
  assert.deepEqual(unit.position, {
    parts: commit.coverage.length,
    rows: commit.bars,
    throughId: last?.throughId,
    barsDigest: last?.barsDigest,
  });
  const checkpointRow = z.object({ part: z.number(), size: z.coerce.number() });
  const rows = await store.rows(
    "SELECT part, length(checkpoint) AS size FROM barkeep.coverage ORDER BY part",
    checkpointRow,
  );
  assert.deepEqual(
    rows.map(({ part, size }) => [part, size > 0]),
    commit.coverage.map((_, i) => [i, i === commit.coverage.length - 1]),
  );
  const again = await unitOf(store, first);
  assert.ok(again.attempt > unit.attempt);
  assert.deepEqual(again.base, [{ attempt: unit.attempt, throughId: last?.throughId }]);
  assert.deepEqual(again.resume?.checkpoint, Buffer.from(last?.checkpoint ?? []));
  assert.equal(again.resume?.day, twoDays[1]);
});

function isReadBackDiffers(error: unknown): boolean {
  assert.ok(error instanceof UnavailableError, String(error));
  assert.equal(error.code, "READ_BACK_DIFFERS");
  assert.match(error.message, /nothing was committed|returned/);
  return true;
}

/** Nothing is committed, and whoever comes next makes what a clean run makes. */
async function checkUnharmed(context: string): Promise<void> {
  assert.equal(await countOf(store, "coverage"), 0, context);
  assert.equal(await countOf(store, "bars_published"), 0, context);
  await buildWeek(store, files, [first], 2);
  const bars = (await readBars(store, "bars_published", [first])).get(seriesId(first)) ?? [];
  await truncate(store);
  await buildWeek(store, files, [first], 99);
  const clean = (await readBars(store, "bars_published", [first])).get(seriesId(first)) ?? [];
  assert.deepEqual(
    bars.map(({ cells }) => cells),
    clean.map(({ cells }) => cells),
    context,
  );
}

test("a store that returns something else than was sent is refused loudly, and nothing is committed", async () => {
  const changes: readonly (readonly [string, (commit: UnitCommit) => UnitCommit])[] = [
    ["a row more said", (commit) => ({ ...commit, bars: commit.bars + 1 })],
    ["a row less said", (commit) => ({ ...commit, bars: commit.bars - 1 })],
    [
      "another digest",
      (commit) => ({
        ...commit,
        coverage: commit.coverage.map((row) => ({ ...row, barsDigest: row.barsDigest ^ 1n })),
      }),
    ],
    [
      "another number of bars in a part",
      (commit) => ({ ...commit, coverage: commit.coverage.map((row) => ({ ...row, bars: row.bars + 1n })) }),
    ],
    ["no block though bars are said", (commit) => ({ ...commit, bars: 0 })],
  ];
  for (const [what, change] of changes) {
    await truncate(store);
    const unit = await unitOf(store, first);
    const commit = await commitOf(unit, first, twoDays);
    await assert.rejects(commitUnits(store, [change(commit)]), isReadBackDiffers, what);
    assert.equal(unit.position.parts, 0, what);
    await checkUnharmed(what);
  }
});

test("a row that was changed, lost or doubled on its way is seen in the read-back", async () => {
  const unit = await unitOf(store, first);
  const good = await commitOf(unit, first, twoDays);
  const statements = [
    ["lost", "DELETE FROM barkeep.bars WHERE first_agg_trade_id = (SELECT min(first_agg_trade_id) FROM barkeep.bars)"],
    ["changed", "ALTER TABLE barkeep.bars UPDATE vwap = vwap + 1 WHERE 1 SETTINGS mutations_sync = 2"],
    ["doubled", "INSERT INTO barkeep.bars SELECT * FROM barkeep.bars LIMIT 1"],
  ] as const;
  for (const [what, statement] of statements) {
    await truncate(store);
    /** Harms the block as soon as it is in. */
    const harmful = new Proxy(store, {
      get(target, name): unknown {
        if (name === "insertNative") {
          return async (table: string, block: Uint8Array): Promise<void> => {
            await target.insertNative(table, block);
            await target.command(statement);
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const own = await unitOf(store, first);
    const commit = await commitOf(own, first, twoDays);
    assert.equal(commit.bars, good.bars);
    await assert.rejects(commitUnits(harmful, [commit]), isReadBackDiffers, what);
    await checkUnharmed(what);
  }
});

test("two units of one job are committed by one block of coverage; one that fails takes both", async () => {
  const units = [await unitOf(store, first), await unitOf(store, second)] as const;
  const commits = [await commitOf(units[0], first, twoDays), await commitOf(units[1], second, twoDays)] as const;
  await assert.rejects(
    commitUnits(store, [commits[0], { ...commits[1], bars: commits[1].bars + 1 }]),
    isReadBackDiffers,
  );
  assert.equal(await countOf(store, "coverage"), 0);
  assert.equal(await countOf(store, "bars_published"), 0);

  const again = [await unitOf(store, first), await unitOf(store, second)] as const;
  await commitUnits(store, [await commitOf(again[0], first, twoDays), await commitOf(again[1], second, twoDays)]);
  const parts = await store.rows("SELECT uniqExact(_part) AS rows FROM barkeep.coverage", countRow);
  assert.deepEqual(parts, [{ rows: 1 }]);
  const published = await readParts(store, "coverage_published", series);
  assert.deepEqual(
    [...published.values()].map((rows) => rows.length > 0),
    [true, true],
  );
});

test("units that stand at different days go on together, each from its own end", async () => {
  await buildWeek(store, files, [first], 1, weekDays[3]);
  await buildWeek(store, files, series, 2);
  const joined = await readBars(store, "bars_published", series);
  await truncate(store);
  await buildWeek(store, files, series, 99);
  const clean = await readBars(store, "bars_published", series);
  for (const [name, bars] of clean) {
    assert.deepEqual(
      joined.get(name)?.map(({ cells }) => cells),
      bars.map(({ cells }) => cells),
      name,
    );
  }
});

test("a writer behind which another one has committed is refused before it writes anything", async () => {
  const slow = await unitOf(store, first);
  const commit = await commitOf(slow, first, twoDays);
  // The next one that opens after a commit has a greater number; of two that open at once chance decides.
  await buildWeek(store, files, [first], 99, weekDays[0]);
  await buildWeek(store, files, [first], 99);
  const rows = await countOf(store, "bars");
  await assert.rejects(commitUnits(store, [commit]), (error) => {
    assert.ok(error instanceof RefusedError);
    assert.equal(error.code, "SUPERSEDED");
    assert.equal(error.subject, slow.unitId);
    return true;
  });
  assert.equal(await countOf(store, "bars"), rows);
});

test("what the fingerprint decides cannot be changed under a build", async () => {
  await buildWeek(store, files, [first], 99);
  const request = { series: seriesId(first), segment: week.id, firstDay: week.firstDay };
  const refusals = [
    [{ ...fingerprint, barVersion: 999 }, "BUILD_DIFFERS"],
    [{ ...fingerprint, featureProfile: "other" }, "BUILD_DIFFERS"],
    [{ ...fingerprint, gateUnitUs: 1000 }, "BUILD_DIFFERS"],
    [{ ...fingerprint, segmentation: "year" as const }, "SEGMENTATION_FIXED"],
  ] as const;
  for (const [other, code] of refusals) {
    await assert.rejects(openUnit(store, { ...request, fingerprint: other }), (error) => {
      assert.ok(error instanceof Failure, String(error));
      assert.equal(error.code, code);
      return true;
    });
  }
  await openWeek(store, [first]);
});

test("killed between a build's record and its pointer row: the next one begins a build that is published", async () => {
  await unitOf(store, second);
  await store.command("TRUNCATE TABLE barkeep.pointer");
  await buildWeek(store, files, [second], 99);
  const [row] = await store.rows("SELECT uniqExact(build) AS rows FROM barkeep.coverage_published", countRow);
  assert.equal(row?.rows, 1);
  assert.equal(
    (await readBars(store, "bars_published", [second])).get(seriesId(second))?.at(-1)?.reason,
    "week_boundary",
  );
});

test("two programs that begin a series at once: one of their builds is published, whoever reads", async () => {
  const key = { series: seriesId(first), segment: week.id };
  // One has its build on record when the other looks, and both say theirs is published.
  await unitOf(store, first);
  await store.command("TRUNCATE TABLE barkeep.pointer");
  await unitOf(store, first);
  const pointer = "barkeep.pointer (series, segment, build, seq, reason)";
  await store.insertRows(pointer, [{ ...key, build: 1, seq: 1, reason: "first build" }]);
  const opened = new Set<number>();
  for (const order of ["DESC", "ASC"]) {
    await store.command(`CREATE OR REPLACE TABLE default.turned AS barkeep.pointer ENGINE = Memory`);
    await store.command(`INSERT INTO default.turned SELECT * FROM barkeep.pointer ORDER BY build ${order}`);
    await store.command("TRUNCATE TABLE barkeep.pointer");
    await store.command(`INSERT INTO barkeep.pointer SELECT * FROM default.turned ORDER BY build ${order}`);
    opened.add((await unitOf(store, first)).build);
  }
  assert.equal(opened.size, 1, "the published build depends on the order of the pointer's rows");
});

test("no bars are a digest of none, and a commit without bars is a commit", async () => {
  const coarse = seriesAt("binance", 100_000);
  const unit = await unitOf(store, coarse);
  const commit = await commitOf(unit, coarse, twoDays);
  assert.equal(commit.bars, 0);
  await commitUnits(store, [commit]);
  const [part] = await coverageOf(seriesId(coarse));
  assert.equal(part?.barsDigest, foldDigest(new Uint8Array()).digest);
  const again = await unitOf(store, coarse);
  assert.equal(again.resume?.throughId, commit.coverage.at(-1)?.throughId);
});

test("a commit and a resume through a served store give the same rows", async () => {
  await buildWeek(store, files, series, 2);
  const here = await readBars(store, "bars_published", series);
  await using served = await ServedStoreProcess.start(join(temporaryFolder("commit-served"), "state"));
  const { url, user, password } = served;
  const there = await openStore({ stateDirectory: "unused", url, user, password });
  try {
    await buildWeek(there, files, series, 1, weekDays[2]);
    await buildWeek(there, files, series, 2);
    for (const [name, bars] of await readBars(there, "bars_published", series)) {
      assert.deepEqual(
        bars.map(({ cells }) => cells),
        here.get(name)?.map(({ cells }) => cells),
      );
    }
  } finally {
    await there.close();
  }
});
