import { mkdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { FleetHost } from "../lib/config/index.ts";
import { currentFingerprint } from "../lib/datasets/range/fingerprint.ts";
import { enqueueJobs, type JobRequest } from "../lib/fleet/enqueue.ts";
import { openFleetHost } from "../lib/fleet/fleet-host.ts";
import { viewHost, type HostView, type JobView } from "../lib/fleet/host-view.ts";
import { lookAt } from "../lib/fleet/look.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { addDays, parseDay } from "../lib/model/day.ts";
import { parseSegmentId } from "../lib/model/segments.ts";
import { parseThreshold } from "../lib/model/series.ts";
import { groupOf } from "../lib/model/groups.ts";
import type { RunResult } from "../lib/queue/job-files.ts";
import { parseLabel } from "../lib/queue/label.ts";
import type { QueueTask } from "../lib/queue/queue.ts";
import { ArchiveFolder, linesOf, walkOf, zipOf } from "../test/rig/make-archive.ts";
import { ServedStoreProcess } from "../test/rig/serve.ts";
import { withScratchFolder } from "./folders.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { rounded, summary } from "./statistics.ts";

const bench = "fleet-local";
const firstDay = parseDay("2024-03-04");
const days = 4;
/** Of Linux, on every machine that it runs on today. */
const clockTicksPerSecond = 100;

/**
 * The built-in queue of this machine, with a store that is served: what a job costs before its work begins, and how well two at a time
 * keep two cores busy.
 */
export async function* measureFleetLocal(setting: Setting): AsyncGenerator<Line> {
  const rounds = setting.quick ? 2 : 9;
  const waits = await withScratchFolder(async (folder) => {
    const symbols = symbolsOf(rounds + 1);
    await using rig = await LocalRig.start(folder, makeArchive(folder, symbols, 2_000), symbols);
    const seconds: number[] = [];
    for (const symbol of rig.symbols) seconds.push(await rig.untilFirstTrade(symbol));
    // Before the first one the store has no tables.
    return seconds.slice(1);
  });
  yield figure(setting, {
    bench,
    what: "overhead of a job, from its queueing to the first read of its trades",
    unit: "s",
    summary: summary(waits, "low"),
    target: { at_most: 0.4 },
  });
  const runs = await withScratchFolder(async (folder) => {
    const symbols = symbolsOf(9);
    const archive = makeArchive(folder, symbols, setting.quick ? 2_000 : 250_000);
    const paired: PairedRun[] = [];
    for (let round = 0; round < (setting.quick ? 1 : 5); round += 1) {
      paired.push(await withScratchFolder(async (scratch) => eightJobs(scratch, archive, symbols)));
    }
    return paired;
  });
  const best = runs.toSorted((a, b) => ratioOf(a) - ratioOf(b))[0];
  yield figure(setting, {
    bench,
    what: "8 small jobs, two at a time: wall time over half of their processor time",
    unit: "ratio",
    summary: summary(runs.map(ratioOf), "low"),
    target: { at_most: 1.25 },
    details: {
      wall_seconds: rounded(best?.wallSeconds ?? 0),
      jobs_cpu_seconds: rounded(best?.jobsSeconds ?? 0),
      store_cpu_seconds: rounded(best?.storeSeconds ?? 0),
    },
  });
}

interface PairedRun {
  readonly wallSeconds: number;
  /** Processor time of the jobs' workers. */
  readonly jobsSeconds: number;
  /** And of the store's process meanwhile, which works for them. */
  readonly storeSeconds: number;
}

function ratioOf({ wallSeconds, jobsSeconds, storeSeconds }: PairedRun): number {
  return wallSeconds / ((jobsSeconds + storeSeconds) / 2);
}

async function eightJobs(folder: string, archive: string, all: readonly string[]): Promise<PairedRun> {
  await using rig = await LocalRig.start(folder, archive, all);
  const [first = "", ...symbols] = all;
  // Makes the store's tables, and proves the core on this "host".
  await rig.untilFirstTrade(first);
  const storeBefore = rig.storeCpuSeconds();
  const askedMs = await rig.queue(symbols);
  const { jobs } = await rig.untilDone(symbols);
  const results = jobs.filter(({ label }) => symbols.includes(label.symbol)).map(resultOf);
  return {
    wallSeconds: (Math.max(...results.map(({ endedAt }) => Date.parse(endedAt))) - askedMs) / 1000,
    jobsSeconds: results.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / 1000,
    storeSeconds: rig.storeCpuSeconds() - storeBefore,
  };
}

function resultOf({ job, where, advice }: JobView): RunResult {
  if (where.kind === "finished" && where.result.exitCode === 0) return where.result;
  throw new Error(`${job} did not end well: ${advice.text}`);
}

/** The same trades under each of the symbols. @returns the archive's folder */
function makeArchive(folder: string, symbols: readonly string[], perDay: number): string {
  const root = join(folder, "archive");
  for (let i = 0; i < days; i += 1) {
    const day = addDays(firstDay, i);
    const lines = linesOf(walkOf(day, 1000 + i * perDay, perDay));
    const name = (symbol: string): string => `${symbol}-aggTrades-${day}.csv`;
    const zip = zipOf(name(symbols[0] ?? ""), Buffer.from(`${lines.join("\n")}\n`)).toString("latin1");
    for (const symbol of symbols) {
      // Names of the same length: deflated once, it is the file of each of them.
      const renamed = zip.replaceAll(name(symbols[0] ?? ""), name(symbol));
      new ArchiveFolder(root, symbol).putZip(day, Buffer.from(renamed, "latin1"));
    }
  }
  return root;
}

function symbolsOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `S${String(i).padStart(2, "0")}USDT`);
}

/** A host that is this machine, with its queue, an archive folder and a store in a process of its own. */
class LocalRig implements AsyncDisposable {
  readonly symbols: readonly string[];
  readonly #state: string;
  readonly #store: ServedStoreProcess;
  readonly #archive: string;
  readonly #host: ReturnType<typeof openFleetHost>;

  private constructor(symbols: readonly string[], state: string, store: ServedStoreProcess, archive: string) {
    this.symbols = symbols;
    this.#state = state;
    this.#store = store;
    this.#archive = archive;
    const entry: FleetHost = {
      name: "here",
      sshAlias: undefined,
      directory: state,
      queue: "local",
      memoryMb: 8000,
      jobsMax: 8,
      storeUrl: undefined,
      thresholds: [250],
      services: [],
    };
    this.#host = openFleetHost(entry, undefined);
  }

  static async start(folder: string, archive: string, symbols: readonly string[]): Promise<LocalRig> {
    const state = join(folder, "state");
    mkdirSync(state);
    const store = await ServedStoreProcess.start(join(folder, "store"));
    return new LocalRig(symbols, state, store, archive);
  }

  /**
   * Queues a job and waits until it has ended.
   * @returns seconds from the queue's being asked to the first read of a day's trades, by the file's own access time
   */
  async untilFirstTrade(symbol: string): Promise<number> {
    const file = new ArchiveFolder(this.#archive, symbol).pathOf(firstDay);
    // Older than its contents: file systems mounted as usual note the next access then.
    utimesSync(file, new Date(0), new Date());
    const askedMs = await this.queue([symbol]);
    const { jobs } = await this.untilDone([symbol]);
    const failed = jobs.find(({ state }) => state === "failed");
    if (failed !== undefined) throw new Error(`${failed.job}: ${failed.advice.text}`);
    const { atimeMs } = statSync(file);
    if (atimeMs < askedMs) throw new Error(`${file}: its file system does not note when it is read`);
    return (atimeMs - askedMs) / 1000;
  }

  /** Of all its threads, since it began. */
  storeCpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#store.child.pid}/stat`, "utf8");
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    return (user + system) / clockTicksPerSecond;
  }

  /** @returns when the queue was asked, milliseconds of the clock */
  async queue(symbols: readonly string[]): Promise<number> {
    using ledger = openLedger(this.#state);
    const { url, user, password } = this.#store;
    const settings = { stateDirectory: this.#state, storeUrl: url, storeUser: user, storePassword: password };
    const look = await lookAt(this.#host, true);
    const askedMs = Date.now();
    await enqueueJobs(
      look,
      symbols.map((symbol) => this.#request(symbol)),
      settings,
      ledger,
    );
    return askedMs;
  }

  async untilDone(symbols: readonly string[]): Promise<HostView> {
    // The queue alone is files: asking it costs next to nothing of what is measured.
    const isOpen = ({ label, state }: QueueTask): boolean =>
      state.kind !== "done" && symbols.includes(parseLabel(label)?.symbol ?? "");
    while ((await this.#host.queue.poll()).tasks.some(isOpen)) await delay(100);
    return viewHost(this.#host);
  }

  #request(symbol: string): JobRequest {
    const segment = parseSegmentId("2024");
    const thresholds = [parseThreshold(250)];
    const name = { venue: "binance", market: "spot", symbol, segment, thresholds } as const;
    const { barVersion, featureProfile, gateUnitUs } = currentFingerprint("year");
    const range = { from: firstDay, to: addDays(firstDay, days - 1) };
    const document = {
      version: 1,
      kind: "populate",
      archive: this.#archive,
      bar_version: barVersion,
      feature_profile: featureProfile,
      gate_unit_us: gateUnitUs,
      segmentation: "year",
      symbols: [
        {
          ...name,
          ...range,
          only: segment,
          known_gaps: [],
          units: [{ unit: `${symbol}@250:${segment}`, ...range }],
        },
      ],
    };
    return {
      job: { ...name, group: groupOf(thresholds), document, barVersion, archiveBytes: 1e6 },
      memory: { requestBytes: 600e6, basis: "guessed", reason: "", outgrownBytes: 0 },
      memoryBytes: 600e6,
      seconds: 1,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host[Symbol.asyncDispose]();
    await this.#store.stop();
  }
}
