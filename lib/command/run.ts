import { listSettings, loadSettings, readEnvironment, type ProcessEnvironment } from "../config/index.ts";
import { exitCodeOf, exitCodes, type ExitCode } from "../model/exit-codes.ts";
import type { Command } from "./define.ts";
import { explainError, reportFailure } from "./failure-report.ts";
import { jsonDocument } from "./json.ts";
import { parseCommandLine } from "./parse.ts";
import { readValues } from "./values.ts";

/** The outside of a run; a process's own, or a test's. */
export interface CommandHost {
  readonly argv: readonly string[];
  readonly env: ProcessEnvironment;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

/** Parses, runs, reports; never throws. */
export async function runCommand(command: Command, host: CommandHost): Promise<ExitCode> {
  const { argv, stdout, stderr, signal } = host;
  const print = (line: string): void => void stdout.write(`${line}\n`);
  // Known once the settings file has been read; an error may come before.
  let env: ProcessEnvironment = host.env;
  try {
    const parsed = await parseCommandLine(command, argv);
    if (parsed.kind === "text") {
      print(parsed.text);
      return exitCodes.ok;
    }
    const environment = readEnvironment(host.env);
    env = environment.values;
    return await command.run(readValues(command, parsed.raw, environment.values), {
      env: environment.values,
      settings: loadSettings(parsed.flags, environment),
      reload: () => {
        const now = readEnvironment(host.env);
        return { env: now.values, settings: loadSettings(parsed.flags, now) };
      },
      explainSettings: () => listSettings(parsed.flags, environment),
      signal,
      stdout,
      stderr,
      log: (line) => void stderr.write(`${line}\n`),
      print,
      printJson: (document) => print(jsonDocument(document)),
    });
  } catch (thrown) {
    if (signal.aborted && isAbort(thrown, signal)) return exitCodes.interrupted;
    // `barkeep export-bars … | head`: the reader has what it wanted.
    if (thrown instanceof Error && "code" in thrown && thrown.code === "EPIPE") return exitCodes.ok;
    const error = explainError(thrown);
    const report = reportFailure(error);
    stderr.write(`${report.text}\n`);
    if (asksForJson(argv, env)) print(report.document);
    return exitCodeOf(error);
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}

/** Read off the raw command line: an error may come before, or out of, its parsing. */
export function asksForJson(argv: readonly string[], env: ProcessEnvironment): boolean {
  const end = argv.indexOf("--");
  const flags = end < 0 ? argv : argv.slice(0, end);
  return flags.includes("--json") || flags.includes("--json=true") || ["1", "true"].includes(env["BARKEEP_JSON"] ?? "");
}
