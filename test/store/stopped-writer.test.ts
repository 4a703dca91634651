import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { openStore } from "../../lib/store/store.ts";
import { barkeep, projectRoot, temporaryFolder } from "../ops/run.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { ServedStoreProcess } from "../rig/serve.ts";

/** Sundays; a week's series resets on each. */
const firstDay = parseDay("2024-08-04");
const days = 21;
const heldDay = addDays(firstDay, 9);

const digests = z.object({ series: z.array(z.object({ digest: z.string(), complete: z.boolean() })) });

test("a writer that was stopped, lost its lease and wakes up says that it was superseded, and changes nothing", async () => {
  const folder = temporaryFolder("stopped");
  new ArchiveFolder(join(folder, "archive")).putWalk(firstDay, days, 300);
  await using archive = new ArchiveServer(join(folder, "archive"));
  const url = await archive.start();
  await using served = await ServedStoreProcess.start(join(folder, "served"));
  const common = ["--symbols", minimalRegistryFile(), "--json"];
  const asked = `--symbol BTCUSDT --threshold 10 --segment week --start-date ${firstDay} --end-date ${addDays(firstDay, days - 1)}`;
  const words = (state: string): string[] => [
    "populate",
    "--archive",
    url,
    ...asked.split(" "),
    "--state",
    join(folder, state),
    ...common,
  ];
  const held = Promise.withResolvers<void>();
  const name = `BTCUSDT-aggTrades-${heldDay}.zip`;
  archive.holds.set(name, held.promise);
  const first = spawn(process.execPath, [join(projectRoot, "bin/barkeep.mjs"), ...words("first")], {
    env: { ...process.env, ...served.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  first.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(first, "close");
  await using store = await Served.open(served);
  // It has read two days of the second week and waits for the third.
  await store.until("SELECT count() > 0 AS yes FROM barkeep.leases WHERE segment = 'w2024-08-11' AND event = 'taken'");
  while (archive.requestsFor(name) === 0) await delay(20);

  const refused = await barkeep(words("second"), served.env);
  assert.equal(refused.code, 4, refused.stderr);
  assert.match(refused.stderr, /is being written by process \d+ on .*\(LEASE_HELD\)/s);

  const [pid] = await store.pids();
  assert.ok(pid !== undefined);
  process.kill(pid, "SIGSTOP");
  await store.command("ALTER TABLE barkeep.leases UPDATE host = 'elsewhere' WHERE 1 SETTINGS mutations_sync = 2");
  await store.command(
    `CREATE TABLE default.aged AS barkeep.leases ENGINE = Memory`,
    "INSERT INTO default.aged SELECT * REPLACE (at - INTERVAL 61 SECOND AS at) FROM barkeep.leases",
    "TRUNCATE TABLE barkeep.leases",
    "INSERT INTO barkeep.leases SELECT * FROM default.aged",
  );
  archive.holds.delete(name);
  const second = await barkeep(words("second"), served.env);
  assert.equal(second.code, 0, second.stderr);
  const status = async (): Promise<unknown> => {
    const { stdout } = await barkeep(["status", ...common, "--state", join(folder, "x")], served.env);
    return digests.parse(JSON.parse(stdout));
  };
  const before = await status();

  process.kill(pid, "SIGCONT");
  held.resolve();
  await ended;
  assert.equal(first.exitCode, 4, said);
  assert.match(said, /another process has taken BTCUSDT@10:w2024-08-11 over.*\(SUPERSEDED\)/s);
  assert.deepEqual(await status(), before);
  const clean = await barkeep(words("clean"));
  assert.equal(clean.code, 0, clean.stderr);
  const own = await barkeep(["status", ...common, "--state", join(folder, "clean")]);
  assert.deepEqual(before, digests.parse(JSON.parse(own.stdout)));
});

const yes = z.object({ yes: z.coerce.boolean() });
const pidRow = z.object({ pid: z.number() });

/** The served store, for looks and for making time pass. */
class Served {
  readonly #store: Awaited<ReturnType<typeof openStore>>;

  private constructor(store: Awaited<ReturnType<typeof openStore>>) {
    this.#store = store;
  }

  static async open({ url, user, password }: ServedStoreProcess): Promise<Served> {
    return new Served(await openStore({ stateDirectory: "unused", url, user, password }));
  }

  async until(question: string): Promise<void> {
    while ((await this.#store.rows(question, yes))[0]?.yes !== true) await delay(20);
  }

  /** The processes that hold a lease. */
  async pids(): Promise<number[]> {
    const rows = await this.#store.rows(
      "SELECT any(pid) AS pid FROM barkeep.leases GROUP BY series, segment, attempt HAVING max(event) != 'released'",
      pidRow,
    );
    return rows.map(({ pid }) => pid);
  }

  async command(...statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.#store.command(statement);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close();
  }
}
