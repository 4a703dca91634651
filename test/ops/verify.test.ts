import assert from "node:assert/strict";
import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { openStore } from "../../lib/store/index.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { barkeep, temporaryFolder, type Outcome } from "./run.ts";

const symbols = minimalRegistryFile();
const day = parseDay("2024-03-05");
const nextDay = addDays(day, 1);

/** An archive of two days and a store that was filled from it at 20 and 50 dbps. */
class Filled {
  readonly archive = new ArchiveFolder(temporaryFolder("verify-archive"));
  readonly state = join(temporaryFolder("verify-state"), "state");

  static async make(): Promise<Filled> {
    const filled = new Filled();
    filled.archive.putWalk(day, 2, 400);
    const asked = ["--symbol", "BTCUSDT", "--threshold", "20", "--threshold", "50"];
    const dates = ["--start-date", day, "--end-date", nextDay];
    const outcome = await filled.run(["populate", ...asked, ...dates, "--archive", filled.archive.root]);
    assert.equal(outcome.code, 0, outcome.stderr);
    return filled;
  }

  async run(words: readonly string[]): Promise<Outcome> {
    return barkeep([...words, "--state", this.state, "--symbols", symbols]);
  }

  /** Does something behind the program's back. */
  async command(sql: string): Promise<void> {
    const store = await openStore({ stateDirectory: this.state });
    await store.command(sql);
    await store.close();
  }

  /** Changes cells of coverage. */
  async tamper(set: string, condition: string): Promise<void> {
    await this.command(`ALTER TABLE barkeep.coverage UPDATE ${set} WHERE ${condition} SETTINGS mutations_sync = 2`);
  }
}

const series20 = "range:binance/spot/BTCUSDT@20";
const findingSchema = z.object({
  code: z.string(),
  text: z.string(),
  segment: z.string().optional(),
  day: z.string().optional(),
  id: z.string().optional(),
  more: z.number().optional(),
});
const oneSchema = z.object({
  version: z.literal(1),
  series: z.string(),
  deep: z.boolean(),
  bars: z.string(),
  cells: z.string(),
  findings: z.array(findingSchema),
});
const allSchema = z.object({
  version: z.literal(1),
  deep: z.boolean(),
  series: z.array(
    z.union([
      oneSchema.pick({ series: true, bars: true, cells: true, findings: true }),
      z.object({ series: z.string(), error: z.object({ code: z.string(), message: z.string(), hint: z.string() }) }),
    ]),
  ),
});

test("a store that says yes and forgot: bars that coverage counts are missing, exit 1; an export says so, exit 2", async () => {
  const filled = await Filled.make();
  await filled.command(`DELETE FROM barkeep.bars WHERE series = '${series20}' AND first_agg_trade_id > 1100`);
  const verified = await filled.run(["verify", "BTCUSDT@20"]);
  assert.equal(verified.code, 1, verified.stderr);
  assert.match(
    verified.stdout,
    /^MISSING_BARS: segment 2024, 2024-03-05: no bar has the ids \d+ … \d+, days 2024-03-05 … 2024-03-06$/m,
  );
  assert.match(
    verified.stdout,
    /^BAR_COUNT: segment 2024, 2024-03-06: coverage of ids 1400 … 1799 counts \d+ bars, the store has 0$/m,
  );
  assert.match(verified.stdout, /^DIGEST: segment 2024, 2024-03-05: /m);

  const exported = await filled.run(["export-bars", "BTCUSDT@20"]);
  assert.equal(exported.code, 2);
  assert.match(
    exported.stderr,
    /of BTCUSDT@20:2024 the store holds \d+ bars, its coverage counts \d+[^]*\(BARS_GONE\)/,
  );

  const all = await filled.run(["verify", "all", "--json"]);
  assert.equal(all.code, 1);
  const { series } = allSchema.parse(JSON.parse(all.stdout));
  assert.deepEqual(
    series.map((one) => [one.series, "findings" in one && one.findings.length > 0]),
    [
      [series20, true],
      ["range:binance/spot/BTCUSDT@50", false],
    ],
  );
});

test("a tampered coverage row is named with its day, exit 1; the document has place and code", async () => {
  const filled = await Filled.make();
  await filled.tamper("bars = bars + 1", `series = '${series20}' AND day = '${nextDay}'`);
  const verified = await filled.run(["verify", "BTCUSDT@20"]);
  assert.equal(verified.code, 1, verified.stderr);
  assert.match(
    verified.stdout,
    /^BAR_COUNT: segment 2024, 2024-03-06: coverage of ids 1400 … 1799 counts \d+ bars, the store has \d+$/m,
  );
  assert.match(verified.stdout, /1 findings$/m);
  const json = await filled.run(["verify", "BTCUSDT@20", "--json"]);
  assert.equal(json.code, 1);
  const document = oneSchema.parse(JSON.parse(json.stdout));
  assert.equal(document.series, series20);
  const [finding] = document.findings;
  assert.deepEqual(
    [finding?.code, finding?.segment, finding?.day, finding?.id],
    ["BAR_COUNT", "2024", nextDay, "1400"],
  );
});

test("a tampered checkpoint is found, exit 1, and not gone on from, exit not 0", async () => {
  const cases = [
    ["checkpoint = concat('AAAA', substring(checkpoint, 5))", "CHECKPOINT_CORRUPT"],
    ["checkpoint = ''", "CHECKPOINT_MISSING"],
  ] as const;
  for (const [set, code] of cases) {
    const filled = await Filled.make();
    await filled.tamper(set, `series = '${series20}' AND checkpoint != ''`);
    const verified = await filled.run(["verify", "BTCUSDT@20"]);
    assert.equal(verified.code, 1, verified.stderr);
    assert.match(verified.stdout, new RegExp(`^${code}: segment 2024, 2024-03-06: coverage of ids 1400 … 1799`, "m"));
    filled.archive.putWalk(day, 3, 400);
    const dates = ["--start-date", day, "--end-date", addDays(day, 2)];
    const asked = ["--symbol", "BTCUSDT", "--threshold", "20", ...dates, "--archive", filled.archive.root];
    const went = await filled.run(["populate", ...asked]);
    assert.notEqual(went.code, 0, went.stdout);
    assert.match(went.stderr, /CHECKPOINT_/);
  }
});

test("a segment that is built and that nobody sees is a finding", async () => {
  const filled = await Filled.make();
  await filled.command("TRUNCATE TABLE barkeep.pointer");
  const verified = await filled.run(["verify", "all"]);
  assert.equal(verified.code, 1, verified.stderr);
  assert.match(verified.stdout, /^NOT_PUBLISHED: segment 2024: no build that has coverage \(1\) is published$/m);
});

test("all series: clean is 0, what cannot be looked at is said and does not hide the others, an empty store is no success", async () => {
  const filled = await Filled.make();
  const clean = await filled.run(["verify", "all"]);
  assert.equal(clean.code, 0, clean.stderr);
  assert.match(
    clean.stdout,
    /^range:binance\/spot\/BTCUSDT@20: [\d,]+ bars, 0 findings\nrange:binance\/spot\/BTCUSDT@50: /,
  );

  await filled.command(
    `ALTER TABLE barkeep.builds UPDATE bar_version = 99 WHERE series = '${series20}' SETTINGS mutations_sync = 2`,
  );
  const undetermined = await filled.run(["verify", "all", "--json"]);
  assert.equal(undetermined.code, 2, undetermined.stderr);
  const { series } = allSchema.parse(JSON.parse(undetermined.stdout));
  assert.deepEqual(
    series.map((one) => ("error" in one ? one.error.code : one.findings.length)),
    ["OTHER_BAR_VERSION", 0],
  );
  const text = await filled.run(["verify", "all"]);
  assert.match(text.stdout, /BTCUSDT@20: not determined: .*\(OTHER_BAR_VERSION\)$/m);
  assert.equal((await filled.run(["verify", "BTCUSDT@20"])).code, 2);

  const nowhere = await barkeep(["verify", "all", "--state", join(temporaryFolder("verify-none"), "state")]);
  assert.equal(nowhere.code, 3);
  assert.match(nowhere.stderr, /EMPTY_STORE/);
});

test("all series against the archive: one whose archive is gone is told, exit 1", async () => {
  const filled = await Filled.make();
  const deep = ["verify", "all", "--deep", "--archive", filled.archive.root];
  const clean = await filled.run(deep);
  assert.equal(clean.code, 0, clean.stdout + clean.stderr);
  assert.match(clean.stdout, /cells compared with the archive, 0 findings/);
  unlinkSync(filled.archive.pathOf(nextDay));
  const gone = await filled.run(deep);
  assert.equal(gone.code, 1);
  assert.match(gone.stdout, /BTCUSDT@20: not determined: the archive of 2024-03-06, .*\(ARCHIVE_GONE\)$/m);
});
