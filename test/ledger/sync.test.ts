import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { z } from "zod";
import fc from "fast-check";
import {
  acceptDivergence,
  openLedger,
  endOfDivergence,
  planSync,
  standingDivergences,
  syncLedger,
  unitText,
  type Ledger,
  type SyncResult,
} from "../../lib/ledger/index.ts";
import { hashedColumns, mirrorColumns } from "../../lib/ledger/mirror-columns.ts";
import { openLedgerFile } from "../../lib/ledger/open-file.ts";
import { parseSegmentId } from "../../lib/model/segments.ts";
import { parseSeriesId, seriesId } from "../../lib/model/series.ts";
import { coverageColumns } from "../../lib/store/schema/views.ts";
import { openEmbedded, type Store } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";
import { insertCoverage, madeUpSeries, removeCoverage, type MadeUpRow } from "./coverage-rows.ts";

let store: Store;
const { signal } = new AbortController();

before(async () => {
  store = await openEmbedded(join(temporaryFolder("ledger-sync"), "state"));
});
after(async () => {
  await store.close();
});
beforeEach(async () => {
  await store.command("TRUNCATE TABLE barkeep.coverage");
  await store.command("TRUNCATE TABLE barkeep.pointer");
});

function newLedger(): Ledger {
  return openLedger(join(temporaryFolder("ledger-sync"), "state"));
}

/** Units with what is wrong about them. */
function found({ divergences }: Pick<SyncResult, "divergences">): unknown[] {
  return divergences.map(({ unit, missing, changed, doubled }) => ({
    series: unit.series,
    build: unit.build,
    missing,
    changed,
    doubled,
  }));
}

/** Which builds of what is found nobody reads any more, and since which one. */
function replaced({ divergences }: Pick<SyncResult, "divergences">): unknown[] {
  return divergences.map(({ unit, replacedBy }) => [unit.build, replacedBy]);
}

/** Why what is found is missed no more. */
function ends({ divergences }: Pick<SyncResult, "divergences">): unknown[] {
  return divergences.map(endOfDivergence);
}

/** Lets readers see a build from now on. */
async function publish(series: string, build: number, seq: number): Promise<void> {
  await store.insertRows("barkeep.pointer (series, segment, build, seq, reason)", [
    { series, segment: "2024", build, seq, reason: "a test" },
  ]);
}

const one = madeUpSeries(1);
const two = madeUpSeries(2);
const rowsOfOne: readonly MadeUpRow[] = [
  { series: one, attempt: 1n << 20n, part: 0 },
  { series: one, attempt: 1n << 20n, part: 1, checkpoint: "Zmlyc3Q=" },
  { series: one, attempt: 2n << 20n, part: 0, checkpoint: "c2Vjb25k" },
  { series: one, build: 2, attempt: 3n << 20n, part: 0, sourceName: "tab\tquote'back\\slash\nline" },
];

/** Every row of the mirror as SQLite has it. */
function mirrored(ledger: Ledger): unknown[] {
  const file = openLedgerFile(ledger.path);
  try {
    const row = z.record(z.string(), z.unknown());
    return [
      ...file.rows("SELECT * FROM mirror_coverage ORDER BY unit, attempt, part, revision", row),
      ...file.rows("SELECT * FROM mirror_units ORDER BY id", row),
      ...file.rows("SELECT * FROM mirror_checkpoints ORDER BY unit", row),
    ];
  } finally {
    file.close();
  }
}

test("the columns of the mirror and of its hash are those of the store's table", () => {
  const unit = new Set(["series", "segment", "build"]);
  const own = coverageColumns.filter((name) => !unit.has(name));
  assert.deepEqual([...hashedColumns].toSorted(), own.toSorted());
  const names = mirrorColumns.map(({ name }) => name.replace("checkpoint_sha256", "checkpoint").replace("_ms", "_at"));
  assert.deepEqual(names.toSorted(), own.toSorted());
});

test("coverage of every build is mirrored, each value exactly, and the newest checkpoint of each", async () => {
  using ledger = newLedger();
  await insertCoverage(store, rowsOfOne);
  const result = await syncLedger(ledger, store, signal);
  assert.deepEqual(result.mirrored, { units: 2, rows: 4 });
  assert.deepEqual(result.divergences, []);
  assert.deepEqual({ units: result.units, rows: result.rows }, { units: 2, rows: 4n });
  const file = openLedgerFile(ledger.path);
  const shape = z.object({
    build: z.bigint(),
    attempt: z.bigint(),
    part: z.bigint(),
    volume: z.string(),
    turnover: z.string(),
    bars_digest: z.string(),
    base: z.string(),
    source_name: z.string(),
    committed_ms: z.bigint(),
  });
  const rows = file.rows(
    `SELECT build, attempt, part, volume, turnover, bars_digest, base, source_name, committed_ms
FROM mirror_coverage JOIN mirror_units ON id = unit ORDER BY build, attempt, part`,
    shape,
  );
  assert.deepEqual(
    rows,
    rowsOfOne.map(({ build = 1, attempt, part, sourceName = "MADE.zip" }) => ({
      build: BigInt(build),
      attempt,
      part: BigInt(part),
      volume: "-170141183460469231731687303715884105728",
      turnover: "170141183460469231731687303715884105727",
      bars_digest: "ffffffffffffffff",
      base: '[["7","-3"]]',
      source_name: sourceName,
      committed_ms: BigInt(Date.parse("2024-01-02T00:00:00.123Z")),
    })),
  );
  const checkpoints = file.rows("SELECT checkpoint FROM mirror_checkpoints", z.object({ checkpoint: z.string() }));
  assert.deepEqual(checkpoints, [{ checkpoint: "c2Vjb25k" }]);
  file.close();
});

test("a second sync reads nothing anew; what is committed later is mirrored alone", async () => {
  using ledger = newLedger();
  await insertCoverage(store, rowsOfOne);
  await syncLedger(ledger, store, signal);
  const before = mirrored(ledger);
  const again = await syncLedger(ledger, store, signal);
  assert.deepEqual(again.mirrored, { units: 0, rows: 0 });
  assert.deepEqual(mirrored(ledger), before);
  await insertCoverage(store, [
    { series: one, attempt: 2n << 20n, part: 1 },
    { series: two, attempt: 1n, part: 0 },
  ]);
  assert.deepEqual(
    (await planSync(ledger, store)).map(({ unit, more }) => [unit.series, more]),
    [
      [one, 1n],
      [two, 1n],
    ],
  );
  assert.deepEqual(mirrored(ledger), before, "a plan changes nothing");
  assert.deepEqual((await syncLedger(ledger, store, signal)).mirrored, { units: 2, rows: 2 });
});

test("rows that arrive in front of the newest one are found too", async () => {
  using ledger = newLedger();
  await insertCoverage(store, rowsOfOne);
  await syncLedger(ledger, store, signal);
  await insertCoverage(store, [{ series: one, attempt: 5n, part: 0 }]);
  const result = await syncLedger(ledger, store, signal);
  assert.deepEqual(result.mirrored, { units: 1, rows: 1 });
  assert.deepEqual(result.divergences, []);
});

test("rows that the store has lost are reported until they are accepted or come back, and stay on record", async () => {
  using ledger = newLedger();
  await insertCoverage(store, [...rowsOfOne, { series: two, attempt: 1n, part: 0 }]);
  await syncLedger(ledger, store, signal);
  await removeCoverage(store, `series = '${one}' AND build = 1 AND attempt = ${2n << 20n} OR series = '${two}'`);
  const expected = [
    { series: one, build: 1, missing: 1, changed: 0, doubled: 0 },
    { series: two, build: 1, missing: 1, changed: 0, doubled: 0 },
  ];
  const lost = await syncLedger(ledger, store, signal);
  assert.deepEqual(found(lost), expected);
  assert.deepEqual(lost.mirrored, { units: 0, rows: 0 });
  const before = mirrored(ledger);
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), expected);
  assert.deepEqual(mirrored(ledger), before);
  const told = ledger.journal.last(20, { kind: "ledger.diverged" });
  assert.deepEqual(
    told.map(({ subject, details }) => [subject, details]),
    [
      ["MADE1USDT@250:2024#1", { missing: 1, changed: 0 }],
      ["MADE2USDT@250:2024#1", { missing: 1, changed: 0 }],
    ],
  );
  assert.equal(ledger.mirror.totals().gone, 2n);
  const id = 1000n * (2n << 20n);
  const lostOf = ledger.mirror
    .lostIds()
    .get(unitText({ series: seriesId(parseSeriesId(one)), segment: parseSegmentId("2024"), build: 1 }));
  assert.deepEqual(
    lostOf?.map(({ fromId, throughId }) => [fromId, throughId]),
    [[id, id]],
  );

  await insertCoverage(store, [{ series: two, attempt: 1n, part: 0 }]);
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), [expected[0]]);
  ledger.mirror.accept(ledger.journal.record("test.accepted", "x"));
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), []);
  assert.equal(ledger.mirror.totals().gone, 1n);
});

test("the newest checkpoint is the store's: after a restore the older one", async () => {
  using ledger = newLedger();
  await insertCoverage(store, rowsOfOne);
  await syncLedger(ledger, store, signal);
  await removeCoverage(store, `attempt = ${2n << 20n}`);
  await syncLedger(ledger, store, signal);
  const file = openLedgerFile(ledger.path);
  const checkpoints = file.rows("SELECT checkpoint FROM mirror_checkpoints", z.object({ checkpoint: z.string() }));
  file.close();
  assert.deepEqual(checkpoints, [{ checkpoint: "Zmlyc3Q=" }]);
});

test("a row with other contents under its key is reported, both contents stay on record", async () => {
  using ledger = newLedger();
  await insertCoverage(store, rowsOfOne);
  await syncLedger(ledger, store, signal);
  await store.command(
    `ALTER TABLE barkeep.coverage UPDATE checkpoint = 'dGFtcGVyZWQ=' WHERE attempt = ${2n << 20n} SETTINGS mutations_sync = 2`,
  );
  const expected = [{ series: one, build: 1, missing: 0, changed: 1, doubled: 0 }];
  const changed = await syncLedger(ledger, store, signal);
  assert.deepEqual(found(changed), expected);
  const before = mirrored(ledger);
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), expected);
  assert.deepEqual(mirrored(ledger), before);
  assert.equal(ledger.mirror.totals().gone, 1n);
});

test("a row that the store holds twice is reported as long as it is there twice", async () => {
  using ledger = newLedger();
  await insertCoverage(store, rowsOfOne);
  await syncLedger(ledger, store, signal);
  await insertCoverage(store, rowsOfOne.slice(1, 2));
  const expected = [{ series: one, build: 1, missing: 0, changed: 0, doubled: 1 }];
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), expected);
  const before = mirrored(ledger);
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), expected);
  assert.deepEqual(mirrored(ledger), before);
  await insertCoverage(store, [{ series: one, attempt: 9n << 20n, part: 0 }]);
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), expected);
  await removeCoverage(store, `build = 1 AND attempt = ${1n << 20n} AND part = 1`);
  await insertCoverage(store, rowsOfOne.slice(1, 2));
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), []);
});

test("what a build has lost is missed until a newer one takes its place, and again when readers go back to it", async () => {
  using ledger = newLedger();
  await insertCoverage(store, rowsOfOne);
  await publish(one, 1, 1);
  await syncLedger(ledger, store, signal);
  await removeCoverage(store, `attempt IN (${2n << 20n}, ${3n << 20n})`);
  const lost = await syncLedger(ledger, store, signal);
  assert.deepEqual(replaced(lost), [
    [1, undefined],
    [2, undefined],
  ]);
  assert.equal(standingDivergences(lost.divergences).length, 2);

  await insertCoverage(store, rowsOfOne.slice(3));
  await publish(one, 2, 2);
  const after = await syncLedger(ledger, store, signal);
  assert.deepEqual(replaced(after), [[1, 2]], "it stays on record");
  assert.deepEqual(standingDivergences(after.divergences), []);
  assert.deepEqual(standingDivergences(ledger.mirror.divergences()), [], "known without the store too");

  await publish(one, 1, 3);
  assert.deepEqual(replaced(await syncLedger(ledger, store, signal)), [[1, undefined]]);
  await publish(one, 2, 4);
  assert.deepEqual(replaced(await syncLedger(ledger, store, signal)), [[1, 2]]);
  await store.command("TRUNCATE TABLE barkeep.pointer");
  await store.command("TRUNCATE TABLE barkeep.coverage");
  const gone = await syncLedger(ledger, store, signal);
  assert.deepEqual(replaced(gone), [
    [1, undefined],
    [2, undefined],
  ]);
});

test("rows that are gone are missed until others of the build come to the same bars up to the same ids", async () => {
  using ledger = newLedger();
  const [first, second] = [1n << 20n, 2n << 20n].map((attempt) => ({ series: one, attempt, part: 0 }));
  assert.ok(first !== undefined && second !== undefined);
  await insertCoverage(store, [first, second, { ...second, part: 1 }]);
  await syncLedger(ledger, store, signal);
  await removeCoverage(store, `attempt = ${second.attempt}`);
  assert.deepEqual(ends(await syncLedger(ledger, store, signal)), [undefined]);
  // 1000 times the attempt and the part are the id up to which a row goes.
  const again = { series: one, attempt: second.attempt - 1n, part: 1000 };
  await insertCoverage(store, [again]);
  assert.deepEqual(ends(await syncLedger(ledger, store, signal)), [undefined], "one of two");
  await insertCoverage(store, [{ ...again, part: 1001, barsDigest: 5n }]);
  assert.deepEqual(ends(await syncLedger(ledger, store, signal)), [undefined], "other bars");
  await insertCoverage(store, [{ ...again, attempt: again.attempt - 1n, part: 2001 }]);
  const there = await syncLedger(ledger, store, signal);
  assert.deepEqual(ends(there), ["the same bars are there again"]);
  assert.deepEqual(found(there), [{ series: one, build: 1, missing: 2, changed: 0, doubled: 0 }], "it stays on record");
});

test("a row that is there twice can be accepted: it is reported again when it is there once more", async () => {
  using ledger = newLedger();
  await insertCoverage(store, rowsOfOne);
  await syncLedger(ledger, store, signal);
  await insertCoverage(store, rowsOfOne.slice(1, 2));
  await syncLedger(ledger, store, signal);
  assert.equal(acceptDivergence(ledger, "a test"), 1);
  assert.equal(acceptDivergence(ledger, "a test"), 0);
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), []);
  await insertCoverage(store, rowsOfOne.slice(0, 1));
  const another = [{ series: one, build: 1, missing: 0, changed: 0, doubled: 1 }];
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), another);
  assert.equal(acceptDivergence(ledger, "a test"), 1);
  await removeCoverage(store, `build = 1 AND attempt = ${1n << 20n}`);
  await insertCoverage(store, rowsOfOne.slice(0, 2));
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), []);
  await insertCoverage(store, rowsOfOne.slice(1, 2));
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), another, "what had ended is not accepted for good");
});

test("an attempt number as great as none can be is mirrored and compared like any other", async () => {
  using ledger = newLedger();
  await insertCoverage(store, [...rowsOfOne, { series: one, attempt: (1n << 64n) - 2n, part: 4_000_000_000 }]);
  assert.deepEqual((await syncLedger(ledger, store, signal)).mirrored, { units: 2, rows: 5 });
  await removeCoverage(store, `build = 1 AND attempt = ${2n << 20n}`);
  assert.deepEqual(found(await syncLedger(ledger, store, signal)), [
    { series: one, build: 1, missing: 1, changed: 0, doubled: 0 },
  ]);
});

test("two state directories on one store: each ledger mirrors it, in any order", async () => {
  using first = newLedger();
  using second = newLedger();
  await insertCoverage(store, rowsOfOne.slice(0, 2));
  await syncLedger(first, store, signal);
  await insertCoverage(store, rowsOfOne.slice(2));
  assert.deepEqual((await syncLedger(second, store, signal)).mirrored, { units: 2, rows: 4 });
  assert.deepEqual((await syncLedger(first, store, signal)).mirrored, { units: 2, rows: 2 });
  assert.equal(first.storeId, second.storeId);
  const [ofFirst, ofSecond] = [first, second].map((ledger) =>
    [...ledger.mirror.units.all().values()].map(({ sums }) => sums),
  );
  assert.deepEqual(ofFirst, ofSecond);
});

test("another store's ledger is not mixed with this one", async () => {
  using ledger = newLedger();
  ledger.belongTo("00000000-0000-4000-8000-000000000000");
  await insertCoverage(store, rowsOfOne);
  await assert.rejects(syncLedger(ledger, store, signal), { code: "LEDGER_OTHER_STORE" });
  await assert.rejects(planSync(ledger, store), { code: "LEDGER_OTHER_STORE" });
  assert.equal(ledger.mirror.totals().units, 0n);
});

test("two syncs of one ledger at the same time leave what one would", async () => {
  const state = join(temporaryFolder("ledger-sync"), "state");
  using first = openLedger(state);
  using second = openLedger(state);
  await insertCoverage(
    store,
    Array.from({ length: 12_000 }, (_, i) => ({ series: madeUpSeries(i % 3), attempt: BigInt(i + 1), part: i % 5 })),
  );
  const both = await Promise.all([syncLedger(first, store, signal), syncLedger(second, store, signal)]);
  assert.equal(both[0].mirrored.rows + both[1].mirrored.rows, 12_000);
  await removeCoverage(store, "attempt % 1000 = 7");
  const expected = [0, 1, 2].map((i) => ({ series: madeUpSeries(i), build: 1, missing: 4, changed: 0, doubled: 0 }));
  const lost = await Promise.all([syncLedger(first, store, signal), syncLedger(second, store, signal)]);
  for (const result of lost) assert.deepEqual(found(result), expected);
  assert.deepEqual(found(await syncLedger(first, store, signal)), expected);
});

test("an interrupted sync ends with the signal's reason, and the next one completes it", async () => {
  using ledger = newLedger();
  await insertCoverage(store, rowsOfOne);
  await assert.rejects(syncLedger(ledger, store, AbortSignal.abort(new Error("stopped"))), /stopped/);
  assert.deepEqual((await syncLedger(ledger, store, signal)).mirrored, { units: 2, rows: 4 });
});

/** What the store holds and what a ledger has seen of it, by key. */
interface Model {
  readonly stored: Map<string, MadeUpRow>;
  readonly seen: Map<string, Set<number>>;
}

const keyOf = (row: MadeUpRow): string => `${row.series} ${row.build ?? 1} ${row.attempt} ${row.part}`;

/** What a sync must report of this. */
function expectedOf({ stored, seen }: Model): unknown[] {
  const units = new Map<string, { series: string; build: number; missing: number; changed: number; doubled: number }>();
  for (const [key, contents] of seen) {
    const [series = "", build = ""] = key.split(" ");
    const unit = units.get(`${series} ${build}`) ?? {
      series,
      build: Number(build),
      missing: 0,
      changed: 0,
      doubled: 0,
    };
    units.set(`${series} ${build}`, unit);
    if (!stored.has(key)) unit.missing += 1;
    if (contents.size > 1) unit.changed += 1;
  }
  return [...units.values()]
    .filter(({ missing, changed }) => missing + changed > 0)
    .toSorted((a, b) => a.series.localeCompare(b.series) || a.build - b.build);
}

const rowArbitrary = fc.record({
  series: fc.constantFrom(one, two),
  build: fc.constantFrom(1, 2),
  attempt: fc.bigInt({ min: 1n, max: 4n }),
  part: fc.nat({ max: 2 }),
  bars: fc.nat({ max: 2 }),
});
const stepArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("commit"), rows: fc.array(rowArbitrary, { maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("sync"), rows: fc.constant([]) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("copy"), rows: fc.constant([]) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restore"), rows: fc.constant([]) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("change"), rows: fc.array(rowArbitrary, { maxLength: 1 }) }) },
);

test("after any commits, syncs, restores and changes, sync reports exactly what was injected, and the same again", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 14 }), async (steps) => {
      await store.command("TRUNCATE TABLE barkeep.coverage");
      using ledger = newLedger();
      const model: Model = { stored: new Map(), seen: new Map() };
      let copy = new Map<string, MadeUpRow>();
      const look = async (): Promise<void> => {
        const result = await syncLedger(ledger, store, signal);
        for (const [key, row] of model.stored) {
          model.seen.set(key, (model.seen.get(key) ?? new Set()).add(row.bars ?? 1));
        }
        assert.deepEqual(found(result), expectedOf(model));
      };
      for (const { kind, rows } of steps) {
        if (kind === "commit") {
          const fresh = new Map(rows.map((row) => [keyOf(row), row]));
          for (const key of model.stored.keys()) fresh.delete(key);
          if (fresh.size > 0) await insertCoverage(store, [...fresh.values()]);
          for (const [key, row] of fresh) model.stored.set(key, row);
        } else if (kind === "sync") {
          await look();
        } else if (kind === "copy") {
          copy = new Map(model.stored);
        } else if (kind === "restore") {
          await store.command("TRUNCATE TABLE barkeep.coverage");
          if (copy.size > 0) await insertCoverage(store, [...copy.values()]);
          model.stored.clear();
          for (const [key, row] of copy) model.stored.set(key, row);
        } else {
          for (const row of rows.filter((changed) => model.stored.has(keyOf(changed)))) {
            const key = `series = '${row.series}' AND build = ${row.build} AND attempt = ${row.attempt} AND part = ${row.part}`;
            await removeCoverage(store, key);
            await insertCoverage(store, [row]);
            model.stored.set(keyOf(row), row);
          }
        }
      }
      await look();
      const before = mirrored(ledger);
      await look();
      assert.deepEqual(mirrored(ledger), before);
    }),
    { numRuns: 25 },
  );
});
