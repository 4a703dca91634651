import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { z } from "zod";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { openEmbedded } from "../../lib/store/store.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistry } from "../rig/registry.ts";
import { barkeep, temporaryFolder, type Outcome } from "./run.ts";

const first = parseDay("2024-12-30");
const last = addDays(first, 3);
const archive = new ArchiveFolder(temporaryFolder("apply-archive"));
archive.putWalk(first, 4, 300);

/** A state directory with a registry of its own. */
class Place {
  readonly state = join(temporaryFolder("apply"), "state");
  readonly symbols = join(temporaryFolder("apply"), "symbols.toml");

  constructor() {
    writeFileSync(this.symbols, minimalRegistry());
  }

  async run(...words: readonly string[]): Promise<Outcome> {
    return barkeep([...words, "--state", this.state, "--symbols", this.symbols]);
  }

  async populate(...words: readonly string[]): Promise<Outcome> {
    const asked = ["--symbol", "BTCUSDT", "--threshold", "20", "--threshold", "60", "--archive", archive.root];
    return this.run("populate", ...asked, ...words);
  }

  /** The id of a plan of these days. */
  async plan(from: string, to: string): Promise<string> {
    const { code, stdout, stderr } = await this.populate("--plan", "--json", "--start-date", from, "--end-date", to);
    assert.equal(code, 0, stderr);
    return z.object({ plan: z.string() }).parse(JSON.parse(stdout)).plan;
  }

  async status(): Promise<unknown> {
    const { stdout } = await this.run("status", "--json");
    return z.object({ series: z.unknown() }).parse(JSON.parse(stdout)).series;
  }
}

test("apply builds exactly what was planned, though the registry has changed since", async () => {
  const clean = new Place();
  assert.equal((await clean.populate("--start-date", first, "--end-date", last)).code, 0);

  const it = new Place();
  const id = await it.plan(first, last);
  writeFileSync(it.symbols, minimalRegistry().replace("enabled = true", "enabled = false").replace("= 1\n", "= 900\n"));
  assert.equal((await it.populate("--end-date", last)).code, 4, "today's registry refuses it");
  const outlook = await it.run("apply", id.slice(0, 12), "--plan");
  assert.equal(outlook.code, 0, outlook.stderr);
  assert.match(outlook.stdout, /^BTCUSDT@20:2024 +2024-12-30 +2024-12-31 +2 /m);
  const applied = await it.run("apply", id.slice(0, 12));
  assert.equal(applied.code, 0, applied.stderr);
  assert.deepEqual(await it.status(), await clean.status());
  const attempts = await it.run("ledger", "journal", "--kind", "attempt.started", "--json");
  const shape = z.object({ events: z.array(z.object({ details: z.object({ plan: z.string() }) })) });
  const { events } = shape.parse(JSON.parse(attempts.stdout));
  assert.equal(events.length, 4);
  assert.ok(events.every(({ details }) => details.plan === id));
});

test("units that were built meanwhile are left alone, and that is said", async () => {
  const it = new Place();
  const id = await it.plan(first, last);
  assert.equal((await it.populate("--start-date", first, "--end-date", "2024-12-31")).code, 0);
  const outlook = await it.run("apply", id, "--plan");
  assert.match(outlook.stdout, /^BTCUSDT@20:2024: built meanwhile$/m);
  assert.match(outlook.stdout, /^BTCUSDT@20:2025 /m);
  const applied = await it.run("apply", id, "--json");
  assert.equal(applied.code, 0, applied.stderr);
  assert.match(applied.stderr, /^BTCUSDT@20:2024: built meanwhile$/m);
  const shape = z.object({ plan: z.literal(id), built: z.array(z.string()) });
  assert.deepEqual(shape.parse(JSON.parse(applied.stdout)).built, ["BTCUSDT@20:2024", "BTCUSDT@60:2024"]);
  const again = await it.run("apply", id);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /nothing to do/);
});

test("a plan is not carried out on a store that has lost what it had", async () => {
  const it = new Place();
  assert.equal((await it.populate("--start-date", first, "--end-date", "2024-12-31")).code, 0);
  const id = await it.plan(first, last);
  const store = await openEmbedded(it.state);
  await store.command("TRUNCATE TABLE barkeep.coverage");
  await store.close();
  for (const words of [[], ["--plan"]]) {
    const refused = await it.run("apply", id, ...words);
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /the store lacks BTCUSDT@20:2024 from 2024-12-30 on.*\(PLAN_OUTDATED\)/s);
  }
});

test("an unknown plan, one that was altered, and no ledger at all are told; the days are the plan's", async () => {
  const it = new Place();
  const none = await it.run("apply", "abcdef01");
  assert.equal(none.code, 3);
  assert.match(none.stderr, /NO_LEDGER/);
  const id = await it.plan(first, first);
  const unknown = await it.run("apply", id.startsWith("0000") ? "ffff" : "0000");
  assert.equal(unknown.code, 3);
  assert.match(unknown.stderr, new RegExp(`${id.slice(0, 12)}.*UNKNOWN_PLAN`, "s"));
  const file = new Database(join(it.state, "ledger.sqlite"));
  file.exec("DROP TRIGGER plans_no_update");
  file.prepare("UPDATE plans SET document = replace(document, ?, ?)").run(`"to":"${first}"`, `"to":"${last}"`);
  file.close();
  const altered = await it.run("apply", id);
  assert.equal(altered.code, 4);
  assert.match(altered.stderr, /PLAN_ALTERED/);
});
