import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { z } from "zod";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { barkeep, temporaryFolder, type Outcome } from "../ops/run.ts";
import { LocalQueue } from "../../lib/queue/local/queue.ts";
import { eventually, shellJob, until } from "../queue/tasks.ts";
import { ArchiveFolder, linesOf, walkOf } from "../rig/make-archive.ts";

const firstDay = parseDay("2023-12-29");
const folder = temporaryFolder("laptop");
const archive = join(folder, "archive");
const symbolOf = { whole: "AAAUSDT", withoutLastDay: "BBBUSDT" };

const statusSchema = z.object({
  series: z.array(z.object({ series: z.string(), digest: z.string(), bars: z.number(), days: z.number() })),
});
const jobsSchema = z.object({
  hosts: z.array(
    z.object({ jobs: z.array(z.object({ job: z.string(), state: z.string(), code: z.string().nullable() })) }),
  ),
});

before(() => {
  for (const symbol of Object.values(symbolOf)) {
    const days = new ArchiveFolder(archive, symbol);
    for (let i = 0; i < 5; i += 1) {
      days.putLines(addDays(firstDay, i), linesOf(walkOf(addDays(firstDay, i), 1000 + i * 1500, 1500)));
    }
    if (symbol === symbolOf.withoutLastDay) days.remove(parseDay("2023-12-31"));
  }
  const entries = Object.values(symbolOf).map(
    (symbol) => `[symbols.${symbol}]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = 2022-03-01
min_threshold = ${symbol === symbolOf.whole ? 50 : 100}
`,
  );
  writeFileSync(join(folder, "symbols.toml"), `schema_version = 2\n${entries.join("\n")}`);
  mkdirSync(join(folder, "queued"));
  writeFileSync(
    join(folder, "fleet.toml"),
    `[hosts.here]
ssh = "local"
directory = "queued"
queue = "local"
memory_mb = 8000
jobs_max = 2

[hosts.pueue]
ssh = "local"
directory = "queued"
queue = "pueue"
memory_mb = 8000
jobs_max = 2
`,
  );
});

async function run(state: string, ...words: readonly string[]): Promise<Outcome> {
  return barkeep(words, {
    BARKEEP_STATE: join(folder, state),
    BARKEEP_SYMBOLS: join(folder, "symbols.toml"),
    BARKEEP_FLEET: join(folder, "fleet.toml"),
    BARKEEP_ARCHIVE: archive,
    PATH: "/usr/bin:/bin",
  });
}

async function digests(state: string): Promise<z.infer<typeof statusSchema>["series"]> {
  const { stdout, stderr } = await run(state, "status", "--json");
  assert.notEqual(stdout, "", stderr);
  return statusSchema
    .parse(JSON.parse(stdout))
    .series.map(({ series, digest, bars, days }) => ({ series, digest, bars, days }));
}

test("on a laptop with nothing installed: the jobs of segments, in whatever order, make the bars of one populate", async () => {
  const asked = ["--all-symbols", "--threshold", "50", "--threshold", "250"];
  const dates = ["--end-date", "2024-01-02"];
  const direct = await run("direct", "populate", ...asked, ...dates);
  assert.match(direct.stderr, /BBBUSDT: left out, below its floor: 50 dbps/);
  const queued = await run("queued", "populate", ...asked, ...dates, "--host", "here");
  assert.equal(queued.code, exitCodes.ok, queued.stderr);
  assert.match(queued.stderr, /AAAUSDT: nothing is published from 2022-03-01 on until 2023-12-29/);
  assert.doesNotMatch(queued.stdout, /:2022/);
  const jobs = await eventually("every job ended", async () => {
    const { stdout } = await run("queued", "status", "--host", "here", "--json");
    const found = jobsSchema.parse(JSON.parse(stdout)).hosts.flatMap((host) => host.jobs);
    return found.every(({ state }) => !["waiting", "running"].includes(state)) ? found : undefined;
  });
  assert.deepEqual(jobs.map(({ job, state, code }) => [job, state, code].join(" ")).sort(), [
    "AAAUSDT@50+250:2023 done ",
    "AAAUSDT@50+250:2024 done ",
    "BBBUSDT@250:2023 partial MISSING_DAY",
    "BBBUSDT@250:2024 done ",
  ]);
  assert.deepEqual(await digests("queued"), await digests("direct"));

  const explained = await run("queued", "explain", "BBBUSDT@250:2023", "--host", "here");
  assert.equal(explained.code, exitCodes.findings, explained.stderr);
  assert.match(explained.stdout, /is built up to 2023-12-30; it lacks 2023-12-31 … 2023-12-31\./);
  assert.match(explained.stdout, /The job BBBUSDT@250:2023 is done in part on here: .*MISSING_DAY/);
  const built = await run("queued", "explain", "AAAUSDT@50:2023", "--host", "here");
  assert.equal(built.code, exitCodes.ok, built.stdout + built.stderr);
  const guard = await run("queued", "guard-status", "--host", "here");
  assert.match(guard.stdout, /^here: (scope|watchdog); /);
});

async function clean(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run("queued", "clean", "--host", "here", ...words);
  assert.equal(code, exitCodes.ok, stderr);
  return stdout;
}

test("clean removes folders of jobs that succeeded long ago; evidence of what did not stays", async () => {
  const jobs = join(folder, "queued", "jobs");
  const before = readdirSync(jobs).sort();
  const [recent = "", ...others] = before.filter((name) => name.startsWith("AAAUSDT"));
  for (const name of before) {
    const days = name === recent ? 1 : 40;
    const at = new Date(Date.now() - days * 24 * 3_600_000);
    utimesSync(join(jobs, name, "result.json"), at, at);
  }
  assert.match(
    await clean("--plan"),
    // The one that was built in part went first, and was good enough for the others to begin: to the queue it succeeded.
    /^here: 3 that succeeded would be forgotten, 1 kept; 2 folders /,
  );
  assert.deepEqual(readdirSync(jobs).sort(), before);
  assert.match(await clean(), /; 2 folders of jobs over 30 days old removed$/);
  const stays = before.filter((name) => name === recent || name.startsWith("BBBUSDT@250_2023"));
  assert.equal(others.length, 1);
  assert.deepEqual(readdirSync(jobs).sort(), stays);
  const { stdout } = await run("queued", "status", "--host", "here", "--json");
  const left = jobsSchema.parse(JSON.parse(stdout)).hosts.flatMap((host) => host.jobs);
  assert.deepEqual(left, [{ job: "BBBUSDT@250:2023", state: "partial", code: "MISSING_DAY" }]);
});

test("cancel says what became of a job, not what it was asked for", async () => {
  const directory = join(folder, "queued");
  const queue = new LocalQueue(join(directory, "queue"), "here");
  const end = join(directory, "end");
  const label = "ZZZUSDT@250:2024#1~0f";
  await queue.enqueue([shellJob(directory, label, `until [ -e '${end}' ]; do sleep 0.05; done`)]);
  const { createdAt } = await until(queue, label, "running");
  // Cancel has looked, and waits to write down that it is not to be queued again, when the job ends by itself.
  const stopped = { job: "ZZZUSDT@250:2024", label, createdAt, how: "kill", waitingSinceMs: 0 };
  writeFileSync(
    join(directory, "host-memory.here.json"),
    JSON.stringify({ version: 1, holds: [], stopped: [stopped] }),
  );
  const lock = join(directory, "host-memory.here.json.lock");
  mkdirSync(lock);
  const cancelling = run("queued", "cancel", "ZZZUSDT@250:2024", "--host", "here", "--json");
  await eventually("it waits", () => readdirSync(directory).some((name) => /^host-memory.*\.tmp$/.test(name)));
  writeFileSync(end, "");
  await until(queue, label, "done");
  rmdirSync(lock);
  const { stdout, stderr } = await cancelling;
  assert.notEqual(stdout, "", stderr);
  const { jobs } = z
    .object({ jobs: z.array(z.object({ was: z.string(), cancelled: z.boolean(), became: z.string() })) })
    .parse(JSON.parse(stdout));
  assert.deepEqual(jobs, [{ was: "running", cancelled: false, became: "not reached" }]);
});

test("S-16: where pueue is missing, the built-in queue is named as what needs nothing", async () => {
  const { code, stdout } = await run("queued", "status", "--host", "pueue");
  assert.equal(code, exitCodes.usage);
  assert.match(stdout, /pueue is not installed on pueue; .*queue = "local" in the fleet, which needs nothing/);
});
