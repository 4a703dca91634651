import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";

/**
 * What a job's supervisor leaves in the job's folder. The queue's own word is only a hint: pueue calls a job killed whose
 * process runs on, and forgets a signal's number. These files are the record; each is one line of JSON, 0600, written whole.
 */

/** Who runs: `pid.json`. */
export const runRecordSchema = z.strictObject({
  version: z.literal(1),
  label: z.string(),
  /** The name of the unit of work, the same whichever attempt runs it: see `scopeUnit`. */
  unit: z.string(),
  host: z.string(),
  /** The supervisor. */
  pid: z.int().positive(),
  /** See `processStart`. */
  processStart: z.string(),
  /** The worker, once it is started. */
  workerPid: z.int().positive().optional(),
  workerStart: z.string().optional(),
  startedAt: z.iso.datetime(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** How it ended: `result.json`. */
export const runResultSchema = z.strictObject({
  version: z.literal(1),
  label: z.string(),
  unit: z.string(),
  host: z.string(),
  /**
   * `exited`: by itself, with `exitCode`; `signalled`: by `signal`; `out-of-memory`: killed for memory, by the kernel in a
   * scope or by the watchdog; `not-started`: there is no such program, or the job was stopped before its worker began.
   */
  outcome: z.enum(["exited", "signalled", "out-of-memory", "not-started"]),
  exitCode: z.int().optional(),
  signal: z.string().optional(),
  /** Why a worker was not started. */
  reason: z.string().optional(),
  /** What kept the memory: a systemd scope, the supervisor itself, or nothing, where no limit was asked for. */
  guard: z.enum(["scope", "watchdog", "none"]),
  memoryMaxBytes: z.int().optional(),
  /** The most the guard counted: a scope counts cached file pages too, the watchdog only resident memory. */
  memoryPeakBytes: z.int(),
  /** The most resident memory of the worker and its children, by samples. What a later request is learned from. */
  residentPeakBytes: z.int(),
  /** Kills for memory within the job. */
  outOfMemoryKills: z.int(),
  cpuMs: z.int(),
  readBytes: z.int(),
  writtenBytes: z.int(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  durationMs: z.int(),
});
export type RunResult = z.infer<typeof runResultSchema>;

/** A label as a file name: readable, and two labels never the same. */
export function jobFolderName(label: string): string {
  const readable = label.replace(/[^A-Za-z0-9@+.]+/g, "_").slice(0, 80);
  return `${readable}-${createHash("sha256").update(label).digest("hex").slice(0, 12)}`;
}

/** The folder of a label's files under a host's state directory. */
export function jobFolder(stateDirectory: string, label: string): string {
  return join(stateDirectory, "jobs", jobFolderName(label));
}
