import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { openLedger } from "../../lib/ledger/index.ts";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { jobFolder, runResultSchema, type RunResult } from "../../lib/queue/job-files.ts";
import { barkeep, temporaryFolder, type Outcome } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";
import { ArchiveFolder, linesOf, walkOf } from "../rig/make-archive.ts";

const mebibyte = 1024 ** 2;
const firstDay = parseDay("2024-01-01");
const populateSchema = z.object({
  jobs: z.array(
    z.object({
      job: z.string(),
      memory_bytes: z.number(),
      memory_basis: z.string(),
      memory_reason: z.string(),
      label: z.string().nullable(),
      after: z.array(z.string()),
      state: z.string(),
    }),
  ),
});
const retrySchema = z.object({
  jobs: z.array(z.object({ job: z.string(), memory_bytes: z.number(), memory_basis: z.string(), label: z.string() })),
  left: z.array(z.object({ job: z.string(), kind: z.string(), advice: z.string() })),
  aborted: z.string().nullable(),
});
const statusSchema = z.object({
  hosts: z.array(
    z.object({ jobs: z.array(z.object({ job: z.string(), label: z.string(), state: z.string(), text: z.string() })) }),
  ),
});
type StatusJob = z.infer<typeof statusSchema>["hosts"][number]["jobs"][number];

/** This machine as a host of the fleet, with the queue that needs nothing installed. */
class Laptop {
  readonly folder = temporaryFolder("memory");
  readonly #archive = join(this.folder, "archive");

  constructor(symbols: readonly string[]) {
    const entries = symbols.map((symbol, i) => {
      // Each symbol has more trades than the one before.
      const perDay = 1000 * (i + 1);
      for (const offset of [0, 1]) {
        const day = addDays(firstDay, offset);
        new ArchiveFolder(this.#archive, symbol).putLines(day, linesOf(walkOf(day, 1000 + offset * perDay, perDay)));
      }
      return `[symbols.${symbol}]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = ${firstDay}
min_threshold = 100
`;
    });
    writeFileSync(join(this.folder, "symbols.toml"), `schema_version = 2\n${entries.join("\n")}`);
    mkdirSync(join(this.folder, "here"));
    this.allow(8000);
  }

  /** Of its memory for jobs. */
  allow(memoryMb: number): void {
    const lines = ["[hosts.here]", 'ssh = "local"', 'directory = "here"', 'queue = "local"', "jobs_max = 4"];
    writeFileSync(join(this.folder, "fleet.toml"), `${[...lines, `memory_mb = ${memoryMb}`].join("\n")}\n`);
  }

  get state(): string {
    return join(this.folder, "state");
  }

  async run(...words: readonly string[]): Promise<Outcome> {
    return barkeep([...words, "--host", "here", "--json"], {
      BARKEEP_STATE: this.state,
      BARKEEP_SYMBOLS: join(this.folder, "symbols.toml"),
      BARKEEP_FLEET: join(this.folder, "fleet.toml"),
      BARKEEP_ARCHIVE: this.#archive,
      // Here the supervisor itself keeps the memory.
      RANGEBAR_NO_CGROUP: "1",
      PATH: "/usr/bin:/bin",
    });
  }

  async populate(...more: readonly string[]): Promise<z.infer<typeof populateSchema>["jobs"]> {
    const words = ["--all-symbols", "--threshold", "250", "--end-date", addDays(firstDay, 1), ...more];
    const { code, stdout, stderr } = await this.run("populate", ...words);
    assert.equal(code, exitCodes.ok, stdout + stderr);
    return populateSchema.parse(JSON.parse(stdout)).jobs;
  }

  async retry(...words: readonly string[]): Promise<z.infer<typeof retrySchema> & { readonly code: number }> {
    const { code, stdout, stderr } = await this.run("retry", ...words);
    assert.notEqual(stdout, "", stderr);
    return { ...retrySchema.parse(JSON.parse(stdout)), code };
  }

  /** Its jobs, once none of them waits or runs. */
  async ended(): Promise<readonly StatusJob[]> {
    return eventually("the jobs' ends", async () => {
      const { stdout, stderr } = await this.run("status");
      assert.notEqual(stdout, "", stderr);
      const jobs = statusSchema.parse(JSON.parse(stdout)).hosts.flatMap((host) => host.jobs);
      return jobs.some(({ state }) => state === "waiting" || state === "running") ? undefined : jobs;
    });
  }

  resultOf(label: string): RunResult {
    const path = join(jobFolder(join(this.folder, "here"), label), "result.json");
    return runResultSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  }
}

test("S-18: a job that is killed for memory is tried again from its measured peak, to all the host has, and then left to a person", async () => {
  const laptop = new Laptop(["AAAUSDT"]);
  // Lessons of jobs that got by with next to nothing.
  teach(laptop, 20 * mebibyte);
  laptop.allow(75);
  const [planned] = await laptop.populate("--plan");
  assert.equal(planned?.memory_basis, "learned");
  assert.match(planned?.memory_reason ?? "", /5 jobs of p2 .* reached 21\.0 MB, times 1\.15/);
  const [queued] = await laptop.populate();
  assert.equal(queued?.memory_bytes, planned?.memory_bytes);
  const [killed] = await laptop.ended();
  assert.match(killed?.text ?? "", /killed for memory/);
  const first = laptop.resultOf(killed?.label ?? "");
  assert.equal(first.memoryMaxBytes, queued?.memory_bytes);

  const again = await laptop.retry();
  assert.equal(again.code, exitCodes.ok);
  assert.equal(again.jobs[0]?.memory_basis, "escalated");
  const wanted = Math.max(first.memoryPeakBytes, first.memoryMaxBytes ?? 0) * 1.5;
  assert.ok((again.jobs[0]?.memory_bytes ?? 0) >= Math.min(wanted, 75e6), "one size up from the measured peak");
  let [outgrown] = await laptop.ended();
  for (let tries = 0; (laptop.resultOf(outgrown?.label ?? "").memoryMaxBytes ?? 0) < 75e6; tries += 1) {
    assert.ok(tries < 3);
    await laptop.retry();
    [outgrown] = await laptop.ended();
  }
  const left = await laptop.retry();
  assert.equal(left.code, exitCodes.refused);
  assert.deepEqual(left.jobs, []);
  assert.equal(left.left[0]?.kind, "quarantined");
  assert.match(left.left[0]?.advice ?? "", /75\.0 MB at most.*raise memory_mb/);
  const aborted = await laptop.retry("--max-fails", "0");
  assert.match(aborted.aborted ?? "", /1 jobs are quarantined, at most 0 may be/);

  laptop.allow(8000);
  for (let tries = 0; ; tries += 1) {
    assert.ok(tries < 10, "it fits in the end");
    const { jobs } = await laptop.retry();
    const [job] = await laptop.ended();
    if (job?.state === "done") {
      assert.ok((jobs[0]?.memory_bytes ?? 0) > 75e6);
      return;
    }
  }
});

/** As if five jobs had done all of their work, and been measured. */
function teach({ state }: Laptop, residentPeakBytes: number): void {
  using ledger = openLedger(state);
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const job = `S${residentPeakBytes + attempt}USDT@250:2023`;
    ledger.jobAttempts.ended(
      { host: "other", label: `${job}#${attempt}~0`, job, group: "p2", attempt },
      {
        outcome: "exited",
        exit_code: 0,
        code: null,
        limit_bytes: residentPeakBytes * 2,
        peak_bytes: residentPeakBytes,
        resident_peak_bytes: residentPeakBytes,
        cpu_ms: 500,
        duration_ms: 1200,
        trades: 100_000,
        bars: 10,
        started_ms: 1,
        ended_ms: 2,
      },
    );
  }
}

test("where the core is new to a host its shortest job goes first; where that fails the others are not begun, and retry takes them up", async () => {
  const laptop = new Laptop(["AAAUSDT", "BBBUSDT", "CCCUSDT"]);
  teach(laptop, 20 * mebibyte);
  const queued = await laptop.populate();
  assert.deepEqual(queued.map(({ job, after }) => [job, ...after].join(" after ")).sort(), [
    "AAAUSDT@250:2024",
    "BBBUSDT@250:2024 after AAAUSDT@250:2024",
    "CCCUSDT@250:2024 after AAAUSDT@250:2024",
  ]);
  const ended = await laptop.ended();
  assert.deepEqual([...new Set(ended.map(({ state }) => state))], ["failed"]);
  for (const { job, text } of ended) {
    assert.match(text, job.startsWith("AAA") ? /killed for memory/ : /a task it was to come after has failed/);
  }
  // The lessons were wrong; now there are better ones.
  teach(laptop, 600 * mebibyte);
  const again = await laptop.retry();
  assert.equal(again.code, exitCodes.ok);
  assert.equal(again.jobs.length, 3);
  assert.deepEqual([...new Set((await laptop.ended()).map(({ state }) => state))], ["done"]);
  assert.deepEqual((await laptop.retry()).jobs, [], "nothing to do, and the results are read back");
  using ledger = openLedger(laptop.state);
  const [canary] = ledger.jobAttempts.ofJob("AAAUSDT@250:2024").slice(-1);
  for (const job of ["BBBUSDT@250:2024", "CCCUSDT@250:2024"]) {
    const [only, ...others] = ledger.jobAttempts.ofJob(job);
    assert.deepEqual(others, []);
    assert.ok((only?.started_ms ?? 0) >= (canary?.ended_ms ?? Infinity), `${job} began after the canary's good end`);
  }
  assert.equal(ledger.jobAttempts.provenOn("here").size, 1);
});
