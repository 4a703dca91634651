import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FleetHost } from "../lib/config/index.ts";
import { enqueueJobs, type JobRequest } from "../lib/fleet/enqueue.ts";
import { openFleetHost, type OpenFleetHost } from "../lib/fleet/fleet-host.ts";
import { groupSetups } from "../lib/fleet/groups.ts";
import { viewHost } from "../lib/fleet/host-view.ts";
import { lookAt } from "../lib/fleet/look.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { parseSegmentId } from "../lib/model/segments.ts";
import { parseThreshold } from "../lib/model/series.ts";
import { groupOf } from "../lib/model/groups.ts";
import { jobFolder, type RunRecord, type RunResult } from "../lib/queue/job-files.ts";
import { jobNameText } from "../lib/queue/label.ts";
import type { QueueJob } from "../lib/queue/queue.ts";
import { RigHost, skipWithoutFleet } from "../test/rig/fleet.ts";
import { withScratchFolder } from "./folders.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { summary } from "./statistics.ts";

const bench = "fleet-ssh";
const jobCount = 150;
const settings = { storeUrl: "http://127.0.0.1:8123", storeUser: "default", storePassword: "not a password" };

/**
 * What an operator waits for: `populate --host` putting 150 jobs into the queue of a host, over SSH and with pueue's own client, from the
 * connection on; and one look at such a host, as `status --watch` repeats it. sshd and pueued are real and on this machine.
 */
export async function* measureFleetSsh(setting: Setting): AsyncGenerator<Line> {
  if (skipWithoutFleet !== false) {
    yield { bench, what: "150 jobs on a host over SSH", skipped: skipWithoutFleet };
    return;
  }
  const rounds = setting.quick ? 1 : 7;
  await using rig = await RigHost.start("bench");
  const entry: FleetHost = {
    name: rig.name,
    sshAlias: rig.name,
    directory: rig.directory,
    queue: "pueue",
    memoryMb: 60_000,
    jobsMax: 8,
    storeUrl: undefined,
    thresholds: undefined,
    services: [],
  };
  const queueing: number[] = [];
  for (let round = 0; round < rounds; round += 1) queueing.push(await queueAll(rig, entry));
  yield figure(setting, {
    bench,
    what: `${jobCount} jobs queued over SSH with pueue's client, one connection`,
    unit: "s",
    summary: summary(queueing, "low"),
    target: { at_most: 3 },
    details: { jobs: jobCount },
  });
  const looks = await lookAgain(rig, entry, rounds * 3);
  yield figure(setting, {
    bench,
    what: `one look at a host with ${jobCount} tasks, two thirds of them ended`,
    unit: "s",
    summary: summary(looks, "low"),
    target: { at_most: 0.1 },
    details: { tasks: jobCount },
  });
}

/** @returns seconds from no connection to jobs that are queued and read back */
async function queueAll(rig: RigHost, entry: FleetHost): Promise<number> {
  await rig.daemon.reset();
  await pausedGroups(rig, entry);
  return withScratchFolder(async (stateDirectory) => {
    using ledger = openLedger(stateDirectory);
    const startMs = performance.now();
    await using host = openFleetHost(entry, rig.sshd.configFile);
    const look = await lookAt(host, false);
    const { queued } = await enqueueJobs(look, requests(), { ...settings, stateDirectory }, ledger);
    const seconds = (performance.now() - startMs) / 1000;
    if (queued.length !== jobCount) throw new Error(`${queued.length} of ${jobCount} jobs were queued`);
    return seconds;
  });
}

/** @returns seconds of each look over a connection that is there */
async function lookAgain(rig: RigHost, entry: FleetHost, rounds: number): Promise<number[]> {
  await rig.daemon.reset();
  await using host = openFleetHost(entry, rig.sshd.configFile);
  await prepare(rig, entry, host);
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    const { jobs } = await viewHost(host);
    seconds.push((performance.now() - startMs) / 1000);
    if (jobs.length !== jobCount) throw new Error(`${jobs.length} of ${jobCount} jobs were seen`);
  }
  return seconds;
}

/** A host with as many tasks: two thirds have ended and left their files, the others wait. */
export async function prepare(rig: RigHost, entry: FleetHost, host: OpenFleetHost): Promise<void> {
  const ended = requests().slice(0, (jobCount * 2) / 3);
  const job = ({ job: { group }, job }: JobRequest): QueueJob => ({
    label: `${jobNameText(job)}#1~0f9c2b7a41de`,
    group,
    argv: ["true"],
    directory: entry.directory,
    memoryBytes: 1,
    files: [],
  });
  await host.queue.ensureGroups(groupSetups(entry).map(({ name }) => ({ name, parallel: 50 })));
  await host.queue.enqueue(ended.map(job));
  await rig.daemon.pueue("wait", "--all", "--quiet");
  for (const { label } of ended.map(job)) writeEvidence(rig.directory, label);
  await rig.daemon.pueue("pause", "--all");
  await host.queue.enqueue(requests().slice(ended.length).map(job));
}

/** As `groups setup` makes them; nothing starts, so that what is measured is the queueing and not the jobs. */
async function pausedGroups(rig: RigHost, entry: FleetHost): Promise<void> {
  for (const { name, parallel } of groupSetups(entry)) {
    await rig.daemon.pueue("group", "add", `--parallel=${parallel}`, name);
  }
  await rig.daemon.pueue("pause", "--all");
}

/** Symbols of eight years each. */
function requests(): JobRequest[] {
  const thresholds = [250, 500, 750, 1000].map(parseThreshold);
  return Array.from({ length: jobCount }, (_, i): JobRequest => {
    const symbol = `S${String(Math.floor(i / 8)).padStart(2, "0")}USDT`;
    const segment = parseSegmentId(String(2017 + (i % 8)));
    const name = { venue: "binance", market: "spot", symbol, segment, thresholds } as const;
    const series = thresholds.map((threshold) => `${symbol}@${threshold}:${segment}`);
    const document = {
      version: 1,
      kind: "populate",
      archive: "https://archive.example.org",
      bar_version: 1,
      symbols: [{ ...name, units: series.map((unit) => ({ unit, from: `${segment}-01-01`, to: `${segment}-12-31` })) }],
    };
    return {
      job: { ...name, group: groupOf(thresholds), document, barVersion: 1, archiveBytes: 2e9 },
      memory: { requestBytes: 500e6, basis: "guessed", reason: "", outgrownBytes: 0 },
      memoryBytes: 500e6,
      seconds: 60 + i,
    };
  });
}

function writeEvidence(directory: string, label: string): void {
  const folder = jobFolder(directory, label);
  mkdirSync(folder, { recursive: true });
  const at = new Date().toISOString();
  const same = { version: 1, label, unit: label, host: "bench" } as const;
  const record: RunRecord = { ...same, pid: 1, processStart: "0", workerPid: 1, workerStart: "0", startedAt: at };
  const result: RunResult = {
    ...same,
    outcome: "exited",
    exitCode: 0,
    guard: "watchdog",
    memoryMaxBytes: 500_000_000,
    memoryPeakBytes: 400_000_000,
    residentPeakBytes: 400_000_000,
    outOfMemoryKills: 0,
    cpuMs: 60_000,
    readBytes: 2_000_000_000,
    writtenBytes: 100_000_000,
    startedAt: at,
    endedAt: at,
    durationMs: 60_000,
  };
  const files = {
    "pid.json": record,
    "result.json": result,
    "work.json": {
      version: 1,
      days_done: 366,
      days_total: 366,
      trades: "123456789",
      bars: 12_345,
      elapsed_ms: 60_000,
      at,
      exit_code: 0,
      failures: [],
    },
  };
  for (const [name, document] of Object.entries(files)) {
    writeFileSync(join(folder, name), `${JSON.stringify(document)}\n`);
  }
}
