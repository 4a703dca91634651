import { realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { exitCodes } from "../model/exit-codes.ts";
import type { Command } from "./define.ts";
import { reportFailure } from "./failure-report.ts";
import { asksForJson, runCommand } from "./run.ts";
import { watchSignals } from "./signals.ts";

const interruptedFlushMs = 1_000;

/** Runs the command when its file is the program that was started; does nothing when the file was imported. */
export async function runIfMain(meta: ImportMeta, command: Command): Promise<void> {
  const started = process.argv[1];
  if (started === undefined || realpathSync(started) !== realpathSync(meta.filename)) return;
  const argv = process.argv.slice(2);
  process.on("uncaughtException", (error) => endAsBug(error, argv));
  for (const stream of [process.stdout, process.stderr]) stream.on("error", outliveClosedPipe);
  const signal = watchSignals();
  const code = await runCommand(command, {
    argv,
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    signal,
  });
  const flushing = Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // Who interrupts does not wait for a reader that has stopped reading.
  await (signal.aborted ? Promise.race([flushing, sleep(interruptedFlushMs)]) : flushing);
  process.exit(code);
}

/** A promise that nobody awaited lands here too: Node raises unhandled rejections as uncaught exceptions. */
function endAsBug(error: unknown, argv: readonly string[]): never {
  const report = reportFailure(error);
  process.stderr.write(`${report.text}\n`);
  if (asksForJson(argv, process.env)) process.stdout.write(`${report.document}\n`);
  process.exit(exitCodes.bug);
}

/**
 * A reader that is gone (`| head`, a log that died) ends no work: what is said is lost, the exit code is the work's own. Who
 * writes an answer in pieces meets the error at its next piece.
 */
function outliveClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** Pipes are written asynchronously; process.exit would cut the answer off. */
async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write("", () => resolve()));
}
