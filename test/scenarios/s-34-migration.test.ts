import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { before, test } from "node:test";
import { z } from "zod";
import { migrations } from "../../lib/store/schema/migrations.ts";
import { readNativeBody } from "../../lib/store/digest.ts";
import { openStore, type Store } from "../../lib/store/store.ts";
import { projectRoot } from "../ops/run.ts";
import { Bench, newState, type SeriesSeen } from "../rig/bench.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { openBare } from "../store/bare-store.ts";
import { synthetic } from "../store/synthetic-migration.ts";

const child = join(projectRoot, "test", "store", "migrate-child.ts");

/** Several partitions of a few thousand bars each. */
const bench = new Bench({ firstDay: "2024-03-03", days: 14, perDay: 300 });
let filled: readonly SeriesSeen[];

before(async () => {
  const populated = await bench.populate(["--threshold", "1", "--threshold", "50", "--segment", "week"]);
  assert.equal(populated.code, 0, populated.stderr);
  filled = await bench.status();
});

/** Runs the release to come. @returns its exit code; null where it was killed */
async function next(state: string, env: Record<string, string> = {}): Promise<number | null> {
  const run = spawn(process.execPath, [child, state], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, UV_THREADPOOL_SIZE: "16", ...env },
  });
  await once(run, "exit");
  return run.exitCode;
}

const proofRow = z.object({ bars: z.coerce.number(), ranges: z.coerce.number(), keys: z.coerce.number() });
const matchRow = z.object({ same: z.coerce.number() });
const recordRow = z.object({ version: z.number(), counts: z.record(z.string(), z.coerce.number()) });

/** Every bar was moved, once, with its own range, and the counts on record say so. */
async function checkMoved(store: Store): Promise<void> {
  const [proof] = await store.rows(
    `SELECT (SELECT count() FROM barkeep.bars) AS bars, count() AS ranges,
  uniqExact(series, segment, build, attempt, first_agg_trade_id) AS keys FROM barkeep.ranges`,
    proofRow,
  );
  assert.ok(proof !== undefined && proof.bars > 2000);
  assert.deepEqual(proof, { bars: proof.bars, ranges: proof.bars, keys: proof.bars });
  const [match] = await store.rows(
    `SELECT count() AS same FROM barkeep.bars AS b INNER JOIN barkeep.ranges AS r
  ON b.series = r.series AND b.segment = r.segment AND b.attempt = r.attempt AND b.first_agg_trade_id = r.first_agg_trade_id
WHERE r.width = b.high - b.low AND r.build = b.build`,
    matchRow,
  );
  assert.equal(match?.same, proof.bars);
  const [record, ...more] = await store.rows(
    `SELECT version, counts FROM barkeep.schema_migrations WHERE version = ${synthetic.version}`,
    recordRow,
  );
  assert.equal(record?.counts["bars.before"], proof.bars);
  assert.equal(record.counts["bars.after"], proof.bars);
  assert.equal(record.counts["ranges.after"], proof.bars);
  for (const one of more) assert.equal(one.counts["ranges.after"], proof.bars);
}

const progressRow = z.object({ ranges: z.coerce.number(), recorded: z.coerce.number() });

test("S-34 a migration that moves rows is killed again and again, in front of a statement and in the middle of one, and goes on", async (t) => {
  const seen: number[] = [];
  // Two tables' statements, a lease, four partitions to move, the lease given back, three views, the record.
  const kills = [
    { KILL_AT: "1" },
    { KILL_AT: "3", KILL_WITHIN: "8" },
    { KILL_AT: "3", KILL_WITHIN: "30" },
    { KILL_AT: "4" },
    { KILL_AT: "4", KILL_WITHIN: "15" },
    { KILL_AT: "3", KILL_WITHIN: "15" },
    { KILL_AT: "5" },
  ];
  for (const kill of kills) {
    assert.equal(await next(bench.state, kill), null, `not killed at ${JSON.stringify(kill)}`);
    const store = await openBare(bench.state);
    const [progress] = await store.rows(
      `SELECT (SELECT sum(total_rows) FROM system.tables WHERE database = 'barkeep' AND name = 'ranges') AS ranges,
  countIf(version = ${synthetic.version}) AS recorded FROM barkeep.schema_migrations`,
      progressRow,
    );
    await store.close();
    assert.equal(progress?.recorded, 0, "on record before it was done");
    seen.push(progress.ranges);
  }
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
    "what was moved was lost again",
  );
  t.diagnostic(`rows moved after each kill: ${seen.join(", ")}`);
  assert.equal(await next(bench.state), 0);
  const store = await openBare(bench.state);
  await checkMoved(store);
  await store.close();

  // The release that was there before leaves the store alone.
  const older = await bench.run(["status"]);
  assert.equal(older.code, 3, older.stderr);
  assert.match(
    older.stderr,
    new RegExp(`version ${synthetic.version}.*this program knows ${migrations.length}.*SCHEMA_NEWER`, "s"),
  );
});

test("S-34 the way back: what the older release knows is all there, and goes into a store of its own", async () => {
  // As docs/durability.md copies a store; here out of the one that was migrated, for nobody had made a copy before.
  const copies = new Map<string, Buffer>();
  const migrated = await openBare(bench.state);
  for (const table of ["identity", "pointer", "builds", "coverage", "bars"]) {
    copies.set(table, await readNativeBody(migrated, `SELECT * FROM barkeep.${table}`));
  }
  await migrated.close();
  await using older = await ServedStoreProcess.start(newState());
  const { url, user, password } = older;
  const store = await openStore({ stateDirectory: "unused", url, user, password });
  for (const [table, rows] of [...copies].toReversed()) await older.insert(table, rows);
  assert.deepEqual(await bench.status(older.env), filled);
  const asked = ["--threshold", "1", "--threshold", "50", "--segment", "week", "--state", newState()];
  const again = await bench.populate(asked, undefined, older.env);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /nothing to do/);

  // And forward once more, by three programs at the same moment, one of which is killed while it moves rows.
  const identity = async (): Promise<unknown> =>
    store.rows("SELECT id FROM barkeep.identity ORDER BY created_at, id LIMIT 1", z.object({ id: z.string() }));
  const before = await identity();
  const ends = await Promise.all(
    [{ KILL_AT: "4", KILL_WITHIN: "10" }, {}, {}].map(async (kill) => next("unused", { ...older.env, ...kill })),
  );
  assert.deepEqual(ends.slice(1), [0, 0]);
  await checkMoved(store);
  assert.deepEqual(await identity(), before);
  await store.close();
});
