import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { constants, hostname } from "node:os";
import { join } from "node:path";
import { ensureFolder } from "../../files/folders.ts";
import { writeWhole } from "../../files/write-whole.ts";
import { exitCodes } from "../../model/exit-codes.ts";
import { processStart } from "../../store/embedded/process-identity.ts";
import type { RunRecord, RunResult } from "../job-files.ts";
import { stopNoteName } from "../stop-note-name.ts";
import { ownScopeFolder, readCgroup } from "./cgroup.ts";
import { childUsage } from "./child-usage.ts";
import { holdUnit } from "./hold-unit.ts";
import { killTree } from "./process-tree.ts";
import { watchMemory } from "./memory-watch.ts";

export interface SuperviseRequest {
  readonly argv: readonly [string, ...string[]];
  readonly label: string;
  /** See `scopeUnit`. In a scope of this name the scope keeps the memory, elsewhere the watchdog does. */
  readonly unit: string;
  /** Where `pid.json` and `result.json` go. */
  readonly jobFolder: string;
  /** Where it is kept who runs which unit on this host. */
  readonly unitsFolder: string;
  /** What its scope lets it use. Without a scope the watchdog bounds the resident bytes of the worker and its children; undefined sets no limit. */
  readonly memoryMaxBytes: number | undefined;
  /** A worker that did a part of its work counts as a success for the queue, whose other jobs come after this one. The result says how it was. */
  readonly isPartlyWell: boolean;
}

const forwarded = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
const killedForMemory = 128 + constants.signals.SIGKILL;
const cannotStart = 127;

/** How a worker ended. */
type Ending = Pick<RunResult, "outcome" | "exitCode" | "signal" | "reason">;

/**
 * Runs a worker to its end and writes one typed result. Signals are passed on; the worker's output is this process's own.
 * @returns the exit code to end with: the worker's, or 0 for 1 where a part is well; 128 + the signal's number; 137 when it was killed for memory
 * @throws RefusedError UNIT_RUNNING when the unit runs on this host already; then nothing is written
 */
export async function supervise(request: SuperviseRequest): Promise<number> {
  const { argv, label, unit, jobFolder } = request;
  const run = new SignalledRun();
  const start = processStart(process.pid);
  if (start === undefined) throw new Error("this process cannot read its own start time");
  const startedAt = new Date();
  const record: RunRecord = {
    version: 1,
    label,
    unit,
    host: hostname(),
    pid: process.pid,
    processStart: start,
    startedAt: startedAt.toISOString(),
  };
  const hold = await holdUnit(request.unitsFolder, record);
  const recordFile = join(jobFolder, "pid.json");
  const resultFile = join(jobFolder, "result.json");
  ensureFolder(jobFolder, 0o700);
  // Of an earlier run under the same label: while this one runs there is no result, and nobody has stopped it. Where none has begun, the note is
  // of this one, which was to be stopped before it came to this.
  if (existsSync(recordFile) || existsSync(resultFile)) rmSync(join(jobFolder, stopNoteName), { force: true });
  rmSync(resultFile, { force: true });
  writeWhole(recordFile, `${JSON.stringify(record)}\n`);

  const scope = ownScopeFolder(unit);
  const scopeBefore = scope === undefined ? undefined : readCgroup(scope);
  const usageBefore = childUsage();
  const watchdogMaxBytes = scope === undefined ? request.memoryMaxBytes : undefined;
  const worker = run.start(argv);
  const watch = worker.pid === undefined ? undefined : watchMemory(worker.pid, watchdogMaxBytes);
  if (worker.pid !== undefined) {
    const workerStart = processStart(worker.pid);
    const full = { ...record, workerPid: worker.pid, ...(workerStart === undefined ? {} : { workerStart }) };
    try {
      hold.update(full);
      writeWhole(recordFile, `${JSON.stringify(full)}\n`);
    } catch (error) {
      // A worker that is nowhere on file could be started a second time.
      killTree(worker.pid);
      throw error;
    }
  }
  const ending = await run.ending();
  watch?.stop();

  const endedAt = new Date();
  const usage = childUsage();
  const reading = scope === undefined ? undefined : readCgroup(scope);
  const kills =
    reading === undefined ? (watch?.kills ?? 0) : reading.outOfMemoryKills - (scopeBefore?.outOfMemoryKills ?? 0);
  const residentPeakBytes = watch?.residentPeakBytes ?? 0;
  // As it was asked for: the kernel rounds a scope's down to whole pages, and a job that had all that its host has would seem to have had less.
  const memoryMaxBytes = request.memoryMaxBytes ?? reading?.memoryMaxBytes;
  const result: RunResult = {
    version: 1,
    label,
    unit,
    host: record.host,
    ...(kills > 0 && ending.exitCode !== 0 ? { ...ending, outcome: "out-of-memory" } : ending),
    guard: reading === undefined ? (watchdogMaxBytes === undefined ? "none" : "watchdog") : "scope",
    ...(memoryMaxBytes === undefined ? {} : { memoryMaxBytes }),
    memoryPeakBytes: reading?.memoryPeakBytes ?? residentPeakBytes,
    residentPeakBytes,
    outOfMemoryKills: kills,
    cpuMs: reading?.cpuMs ?? usage.cpuMs - usageBefore.cpuMs,
    readBytes: reading?.readBytes ?? usage.readBytes - usageBefore.readBytes,
    writtenBytes: reading?.writtenBytes ?? usage.writtenBytes - usageBefore.writtenBytes,
    startedAt: record.startedAt,
    endedAt: endedAt.toISOString(),
    durationMs: endedAt.getTime() - startedAt.getTime(),
  };
  writeWhole(resultFile, `${JSON.stringify(result)}\n`);
  hold.release();
  const exitCode = exitCodeOf(result);
  return request.isPartlyWell && exitCode === exitCodes.findings ? exitCodes.ok : exitCode;
}

function exitCodeOf(result: RunResult): number {
  if (result.outcome === "out-of-memory") return killedForMemory;
  if (result.outcome === "exited") return result.exitCode ?? 0;
  const number = Object.entries(constants.signals).find(([name]) => name === result.signal)?.[1];
  return number === undefined ? cannotStart : 128 + number;
}

/** A worker that gets the signals this process gets, from before it is there until it has ended. */
class SignalledRun {
  #worker: ChildProcess | undefined;
  #early: NodeJS.Signals | undefined;
  readonly #ended = Promise.withResolvers<Ending>();

  constructor() {
    for (const signal of forwarded) process.on(signal, () => this.#pass(signal));
  }

  start([program, ...args]: readonly [string, ...string[]]): { readonly pid: number | undefined } {
    if (this.#early !== undefined) {
      this.#ended.resolve({ outcome: "not-started", signal: this.#early, reason: `stopped by ${this.#early}` });
      return { pid: undefined };
    }
    const worker = spawn(program, args, { stdio: "inherit" });
    this.#worker = worker;
    worker.on("error", (error) => {
      // Also raised where a signal could not be sent; then the worker is there and will end.
      if (worker.pid === undefined) this.#ended.resolve({ outcome: "not-started", reason: error.message });
    });
    worker.on("exit", (exitCode, signal) => {
      this.#ended.resolve(
        signal === null ? { outcome: "exited", exitCode: exitCode ?? 0 } : { outcome: "signalled", signal },
      );
    });
    return { pid: worker.pid };
  }

  async ending(): Promise<Ending> {
    return this.#ended.promise;
  }

  #pass(signal: NodeJS.Signals): void {
    if (this.#worker === undefined) this.#early ??= signal;
    else this.#worker.kill(signal);
  }
}
