import { PassThrough } from "node:stream";
import { defineCommand, runCommand, type Command } from "../../lib/command/index.ts";
import type { ExitCode } from "../../lib/model/exit-codes.ts";

export interface Ran {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in this process, with its own environment and no settings file. */
export async function ran(
  command: Command,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Ran> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await runCommand(command, { argv, env: { BARKEEP_SETTINGS: "off", ...env }, stdout, stderr, signal });
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) };
}

function textOf(stream: PassThrough): string {
  const read: unknown = stream.read();
  return Buffer.isBuffer(read) ? read.toString("utf8") : "";
}

/** A command that does what a test says. */
export function commandOf(handler: Parameters<typeof defineCommand>[0]["handler"]): Command {
  return defineCommand({ name: "probe", summary: "what a test needs", handler });
}
