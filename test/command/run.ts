import { Writable } from "node:stream";
import { defineCommand, runCommand, type Command } from "../../lib/command/index.ts";
import type { ExitCode } from "../../lib/model/exit-codes.ts";

export interface Ran {
  readonly code: ExitCode;
  readonly stdout: string;
  /** The same as it was written. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

/** Runs a command in this process, with its own environment and no settings file. */
export async function ran(
  command: Command,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Ran> {
  const stdout = new Collected();
  const stderr = new Collected();
  const code = await runCommand(command, { argv, env: { BARKEEP_SETTINGS: "off", ...env }, stdout, stderr, signal });
  return {
    code,
    bytes: stdout.bytes(),
    stdout: stdout.bytes().toString("utf8"),
    stderr: stderr.bytes().toString("utf8"),
  };
}

/** Keeps what is written to it. */
class Collected extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** A command that does what a test says. */
export function commandOf(handler: Parameters<typeof defineCommand>[0]["handler"]): Command {
  return defineCommand({ name: "probe", summary: "what a test needs", handler });
}
