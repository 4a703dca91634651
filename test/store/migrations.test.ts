import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { z } from "zod";
import { ConfigurationError, UnavailableError } from "../../lib/model/errors.ts";
import { embeddedClients } from "../../lib/store/clients.ts";
import { barColumns, keyColumns } from "../../lib/store/columns.generated.ts";
import { columns } from "../../lib/store/columns.ts";
import { migrate, versionOf } from "../../lib/store/schema/migrate.ts";
import { migrations, type Migration } from "../../lib/store/schema/migrations.ts";
import { coverageColumns, viewStatements } from "../../lib/store/schema/views.ts";
import { fixedRoute } from "../../lib/store/route.ts";
import { openEmbedded, openStore, Store } from "../../lib/store/store.ts";
import { barkeep, temporaryFolder } from "../ops/run.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { openBare } from "./bare-store.ts";
import { synthetic, withSynthetic } from "./synthetic-migration.ts";

let store: Store;

before(async () => {
  store = await openBare(join(temporaryFolder("migrations"), "state"));
});
afterEach(async () => {
  await store.command("DROP DATABASE IF EXISTS barkeep SYNC");
});
after(async () => {
  await store.close();
});

const objectRow = z.object({ name: z.string(), sql: z.string() });
const versionRow = z.object({ version: z.number(), name: z.string() });
const countRow = z.object({ rows: z.coerce.number() });

/** Tables and views as the engine would make them again. */
async function schemaOf(of: Store): Promise<Map<string, string>> {
  const rows = await of.rows(
    "SELECT name, create_table_query AS sql FROM system.tables WHERE database = 'barkeep' ORDER BY name",
    objectRow,
  );
  return new Map(rows.map((row) => [row.name, row.sql]));
}

async function versionsOf(of: Store): Promise<z.output<typeof versionRow>[]> {
  return of.rows("SELECT version, name FROM barkeep.schema_migrations ORDER BY version", versionRow);
}

const onRecord = migrations.map(({ version, name }) => ({ version, name }));

async function fresh(): Promise<Map<string, string>> {
  await migrate(store);
  const schema = await schemaOf(store);
  await store.command("DROP DATABASE barkeep SYNC");
  return schema;
}

test("a fresh store gets every table and view, and the version goes on record last", async () => {
  await migrate(store);
  const schema = await schemaOf(store);
  assert.deepEqual(
    [...schema.keys()],
    [
      "bars",
      "bars_published",
      "builds",
      "claims",
      "coverage",
      "coverage_published",
      "identity",
      "leases",
      "pointer",
      "range_bars",
      "repairs",
      "schema_migrations",
    ],
  );
  assert.deepEqual(await versionsOf(store), onRecord);
  assert.equal(versionOf(), onRecord.at(-1)?.version);
});

test("migrations are numbered 1, 2, 3 …", () => {
  assert.deepEqual(
    migrations.map(({ version }) => version),
    migrations.map((_, i) => i + 1),
  );
});

test("the tables have the columns that the manifest and the views name, in that order", async () => {
  await migrate(store);
  const columnRow = z.object({ name: z.string(), type: z.string() });
  const described = async (table: string): Promise<z.output<typeof columnRow>[]> =>
    store.rows(
      `SELECT name, type FROM system.columns WHERE database = 'barkeep' AND table = '${table}' ORDER BY position`,
      columnRow,
    );
  const stored = await described("bars");
  assert.deepEqual(
    stored.map(({ name }) => name),
    columns.map(({ name }) => name),
  );
  assert.deepEqual(
    stored.map(({ name }) => name),
    [...keyColumns, ...barColumns],
  );
  assert.deepEqual(
    stored.map(({ type }) => type),
    columns.map(({ type }) => type),
  );
  assert.deepEqual(await described("bars_published"), stored);
  const coverage = await described("coverage");
  assert.deepEqual(
    coverage.map(({ name }) => name),
    [...coverageColumns],
  );
  assert.deepEqual(await described("coverage_published"), coverage);
});

test("the second time changes nothing", async () => {
  await migrate(store);
  const schema = await schemaOf(store);
  await migrate(store);
  await migrate(store);
  assert.deepEqual(await schemaOf(store), schema);
  assert.deepEqual(await versionsOf(store), onRecord);
});

/** A store that stops at a statement, as when the process is killed in front of it. */
class DyingStore extends Store {
  #left = 0;

  static async of(store: Store): Promise<DyingStore> {
    assert.ok(store.engine !== undefined);
    return new DyingStore(store.where, fixedRoute(await embeddedClients(store.engine)));
  }

  dieBehind(steps: number): this {
    this.#left = steps;
    return this;
  }

  override async command(sql: string): Promise<void> {
    this.#step();
    await super.command(sql);
  }

  override async insertRows(...words: Parameters<Store["insertRows"]>): Promise<void> {
    this.#step();
    await super.insertRows(...words);
  }

  #step(): void {
    if (this.#left === 0) throw new Error("killed here");
    this.#left -= 1;
  }
}

/** What must hold of a store whose migrations were cut short and then ended. */
async function checkEnded(context: string, known: readonly Migration[], schema: Map<string, string>): Promise<void> {
  assert.deepEqual(await schemaOf(store), schema, context);
  assert.deepEqual(
    await versionsOf(store),
    known.map(({ version, name }) => ({ version, name })),
    context,
  );
  const identities = await store.rows("SELECT count() AS rows FROM barkeep.identity", countRow);
  assert.deepEqual(identities, [{ rows: 1 }], context);
}

test("killed at any step, and again at another step of the next start: the start behind ends what was begun", async () => {
  const expected = await fresh();
  const steps = migrations.flatMap(({ statements }) => statements).length + viewStatements().length + migrations.length;
  const dying = await DyingStore.of(store);
  for (let first = 0; first < steps; first += 1) {
    await assert.rejects(migrate(dying.dieBehind(first)), /killed here/);
    // A migration that is on record is not begun again: fewer steps are left, and the second start may reach the end.
    await migrate(dying.dieBehind((first * 5) % steps)).catch((error: unknown) =>
      assert.match(String(error), /killed/),
    );
    await migrate(store);
    await checkEnded(`killed at ${first}`, migrations, expected);
    await store.command("DROP DATABASE barkeep SYNC");
  }
  await dying.close();
});

/** Bars of two partitions, as many as one says. */
async function putBars(count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => ({
    series: "range:binance/spot/BTCUSDT@250",
    segment: i % 2 === 0 ? "2023" : "2024",
    build: 1,
    attempt: 1,
    first_agg_trade_id: i,
    last_agg_trade_id: i,
    ended_by_id: i,
    low: 100,
    high: 100 + i,
  }));
  await store.insertRows("barkeep.bars", rows);
}

async function rangesOf(): Promise<unknown> {
  return store.rows(
    "SELECT segment, count() AS rows, uniqExact(first_agg_trade_id) AS ids, sum(width) AS sum FROM barkeep.ranges GROUP BY segment ORDER BY segment",
    z.object({ segment: z.string(), rows: z.coerce.number(), ids: z.coerce.number(), sum: z.coerce.number() }),
  );
}

const moved = [
  { segment: "2023", rows: 50, ids: 50, sum: 2450 },
  { segment: "2024", rows: 50, ids: 50, sum: 2500 },
];

/** The way back by hand: what the migration added is taken away, and nothing else is missing. */
async function takeBack(): Promise<void> {
  await store.command("DROP TABLE barkeep.ranges SYNC");
  await store.command("ALTER TABLE barkeep.coverage DROP COLUMN remark");
  await store.command(`DELETE FROM barkeep.schema_migrations WHERE version = ${synthetic.version}`);
}

test("rows that a migration moves are moved once, wherever it was cut short", async () => {
  await migrate(store);
  await putBars(100);
  const before = await schemaOf(store);
  const dying = await DyingStore.of(store);
  let expected: Map<string, string> | undefined;
  for (let first = 0; ; first += 1) {
    const isKilled = await migrate(dying.dieBehind(first), withSynthetic).then(
      () => false,
      (error: unknown) => String(error).includes("killed here"),
    );
    // A statement that was cut short leaves some of its blocks behind.
    const partial = "SELECT series, segment, build, attempt, first_agg_trade_id, high - low FROM barkeep.bars";
    if (first === 1) await store.command(`INSERT INTO barkeep.ranges ${partial} WHERE first_agg_trade_id % 5 < 2`);
    await migrate(store, withSynthetic);
    assert.deepEqual(await rangesOf(), moved, `killed at ${first}`);
    expected ??= await schemaOf(store);
    await checkEnded(`killed at ${first}`, withSynthetic, expected);
    await takeBack();
    if (!isKilled) break;
  }
  await dying.close();
  await migrate(store);
  await checkEnded("taken back", migrations, before);
});

const countsRow = z.object({ version: z.number(), counts: z.record(z.string(), z.string()) });

async function countsOf(): Promise<unknown> {
  return store.rows(
    `SELECT version, CAST(mapFilter((name, rows) -> rows > 0, counts), 'Map(String, String)') AS counts
FROM barkeep.schema_migrations ORDER BY version`,
    countsRow,
  );
}

test("the rows of every table before and after go on record with the version", async () => {
  await migrate(store);
  assert.deepEqual(await countsOf(), [
    { version: 1, counts: {} },
    { version: 2, counts: { "identity.after": "1", "schema_migrations.before": "1", "schema_migrations.after": "1" } },
    {
      version: 3,
      counts: {
        "identity.before": "1",
        "identity.after": "1",
        "schema_migrations.before": "2",
        "schema_migrations.after": "2",
      },
    },
  ]);
  await putBars(100);
  await migrate(store, withSynthetic);
  const last = z
    .array(countsRow)
    .parse(await countsOf())
    .at(-1);
  assert.deepEqual(last?.counts, {
    "bars.before": "100",
    "bars.after": "100",
    "ranges.after": "100",
    "identity.before": "1",
    "identity.after": "1",
    "schema_migrations.before": "3",
    "schema_migrations.after": "3",
  });
});

async function refusedWith(code: string, known: readonly Migration[]): Promise<UnavailableError> {
  const refused: unknown[] = [];
  await migrate(store, known).catch((error: unknown) => refused.push(error));
  const [error] = refused;
  assert.ok(error instanceof UnavailableError, String(error));
  assert.equal(error.code, code);
  assert.equal(error.subject, store.where);
  assert.deepEqual(await versionsOf(store), onRecord);
  return error;
}

function harmful(statement: string): Migration[] {
  return [...migrations, { version: versionOf() + 1, name: "a bad idea", statements: [statement] }];
}

test("a migration after which a table holds fewer rows, or is gone, is refused and not on record", async () => {
  await migrate(store);
  await putBars(100);
  const partition = "('range:binance/spot/BTCUSDT@250', '2023', 1)";
  const fewer = await refusedWith(
    "MIGRATION_LOST_ROWS",
    harmful(`ALTER TABLE barkeep.bars DROP PARTITION ${partition}`),
  );
  assert.match(fewer.message, /migration 4 \(a bad idea\): bars holds 50 rows where it held 100/);
  const gone = await refusedWith("MIGRATION_LOST_ROWS", harmful("DROP TABLE IF EXISTS barkeep.claims SYNC"));
  assert.match(gone.message, /claims is gone/);
  // What goes on behind it is the program's own version, which is complete.
  await migrate(store);
});

test("rows that were moved twice, and rows that cannot be moved, are refused", async () => {
  await migrate(store);
  await putBars(10);
  const [move] = synthetic.moves ?? [];
  assert.ok(move !== undefined);
  for (const statement of synthetic.statements) await store.command(statement);
  const twice = "SELECT series, segment, build, attempt, first_agg_trade_id, high - low FROM barkeep.bars";
  for (const _ of [1, 2]) await store.command(`INSERT INTO barkeep.ranges ${twice}`);
  const doubled = await refusedWith("MIGRATION_DOUBLED_ROWS", withSynthetic);
  assert.match(doubled.message, /barkeep\.ranges holds 10 rows of partition \w+ where barkeep\.bars holds 5/);

  await store.command("TRUNCATE TABLE barkeep.ranges");
  await store.command(`INSERT INTO barkeep.ranges ${twice} LIMIT 1 BY segment`);
  const blind = { ...synthetic, moves: [{ ...move, key: ["attempt"] }] };
  const lost = await refusedWith("MIGRATION_LOST_ROWS", [...migrations, blind]);
  assert.match(lost.message, /barkeep\.ranges lacks 8 rows of barkeep\.bars/);
});

test("rows that are there survive a migration that is run again, and the views show them", async () => {
  await migrate(store);
  const key = { series: "range:binance/spot/BTCUSDT@250", segment: "2024", build: 1 };
  await store.insertRows("barkeep.pointer (series, segment, build, seq, reason)", [{ ...key, seq: 1, reason: "t" }]);
  const coverage = { ...key, attempt: "1048576", day: "2024-01-01", from_id: "1", through_id: "10" };
  await store.insertRows("barkeep.coverage (series, segment, build, attempt, day, from_id, through_id)", [coverage]);
  const bar = { ...key, attempt: "1048576", open_time: "1704067200000000", open: "100000000", high: "100500000" };
  const ids = { first_agg_trade_id: "1", last_agg_trade_id: "10", low: "99900000", duration_us: "5" };
  await store.insertRows("barkeep.bars", [{ ...bar, ...ids }]);
  const dump = async (): Promise<unknown[]> =>
    Promise.all(
      ["bars_published", "coverage_published", "range_bars"].map(async (view) =>
        store.rows(`SELECT * FROM barkeep.${view}`, z.record(z.string(), z.unknown())),
      ),
    );
  const shown = await dump();
  for (const rows of shown) assert.equal(z.array(z.unknown()).parse(rows).length, 1);

  // As if the program had been killed in front of its last step, and with views of an earlier program.
  await store.command("TRUNCATE TABLE barkeep.schema_migrations");
  for (const view of ["bars_published", "coverage_published", "range_bars"]) {
    await store.command(`CREATE OR REPLACE VIEW barkeep.${view} AS SELECT 1 AS series`);
  }
  await store.command("DROP VIEW barkeep.range_bars");
  await migrate(store);
  assert.deepEqual(await dump(), shown);
  assert.deepEqual(await versionsOf(store), onRecord);
});

const newer = { version: versionOf() + 1, name: "from the future" };

test("a newer program's store is refused, and nothing in it is touched", async () => {
  await migrate(store);
  await store.insertRows("barkeep.schema_migrations (version, name)", [newer]);
  await store.command("CREATE OR REPLACE VIEW barkeep.range_bars AS SELECT 1 AS from_the_future");
  const schema = await schemaOf(store);
  await assert.rejects(migrate(store), (error) => {
    assert.ok(error instanceof ConfigurationError);
    assert.equal(error.code, "SCHEMA_NEWER");
    assert.equal(error.subject, store.where);
    return true;
  });
  assert.deepEqual(await schemaOf(store), schema);
  assert.deepEqual(await versionsOf(store), [...onRecord, newer]);
});

test("a table that somebody else made in the schema's database is no reason to stop", async () => {
  await store.command("CREATE DATABASE barkeep");
  await store.command("CREATE TABLE barkeep.notes (a Int8) ENGINE = Memory");
  await migrate(store);
  assert.deepEqual(await versionsOf(store), onRecord);
});

test("two programs that begin at the same moment leave one good schema", async () => {
  const expected = await fresh();
  await using served = await ServedStoreProcess.start(join(temporaryFolder("migrations-served"), "state"));
  const { url, user, password } = served;
  const address = { stateDirectory: "unused", url, user, password };
  const first = await openStore(address);
  await first.command("DROP DATABASE barkeep SYNC");
  const stores = await Promise.all([1, 2, 3].map(async () => openStore(address)));
  assert.deepEqual(await schemaOf(first), expected);
  const versions = new Set((await versionsOf(first)).map(({ version }) => version));
  assert.deepEqual(
    [...versions],
    onRecord.map(({ version }) => version),
  );
  await Promise.all([first, ...stores].map(async (one) => one.close()));
});

test("a newer store: exit 3 from the command line, embedded and served, and the same store opens again", async () => {
  const state = join(temporaryFolder("migrations-newer"), "state");
  await store.close();
  try {
    const old = await openEmbedded(state);
    await old.insertRows("barkeep.schema_migrations (version, name)", [newer]);
    await old.close();
    for (const words of [["status"], ["status", "--json"], ["store", "serve"]]) {
      const { code, stderr } = await barkeep([...words, "--state", state]);
      assert.equal(code, 3, stderr);
      assert.match(stderr, /SCHEMA_NEWER/);
      assert.doesNotMatch(stderr, /\n\s+at /);
    }
    const bare = await openBare(state);
    await bare.command(`DELETE FROM barkeep.schema_migrations WHERE version = ${newer.version}`);
    await bare.close();
    const { code, stderr } = await barkeep(["status", "--state", state]);
    assert.equal(code, 0, stderr);

    await using served = await ServedStoreProcess.start(state);
    const { url, user, password } = served;
    const there = await openStore({ stateDirectory: "unused", url, user, password });
    await there.insertRows("barkeep.schema_migrations (version, name)", [newer]);
    await there.close();
    const refused = await barkeep(["status", "--state", state], served.env);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /SCHEMA_NEWER/);
  } finally {
    store = await openBare(join(temporaryFolder("migrations-again"), "state"));
  }
});
