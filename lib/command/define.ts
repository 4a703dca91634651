import type { ProcessEnvironment, SettingRow, Settings } from "../config/index.ts";
import type { ExitCode } from "../model/exit-codes.ts";
import type { ArgumentsOf, OptionSpecs, PositionalSpecs } from "./options.ts";

/** What a handler is given beside its arguments; it uses no globals. */
export interface CommandContext {
  /** The process's environment over the settings file's values. */
  readonly env: ProcessEnvironment;
  /** The common flags and settings, resolved. */
  readonly settings: Settings;
  /**
   * Reads the settings file and the flags' values anew, for a program that runs for long.
   * @throws ConfigurationError as at the start
   */
  readonly reload: () => Pick<CommandContext, "env" | "settings">;
  /** Every setting as text, with where it came from; secrets masked. */
  readonly explainSettings: () => readonly SettingRow[];
  /** Aborted by the first SIGINT or SIGTERM; the second one ends the process at once. */
  readonly signal: AbortSignal;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** A line for people, on stderr. */
  readonly log: (line: string) => void;
  /** A line of the answer, on stdout. */
  readonly print: (line: string) => void;
  /** The answer under `--json`: one document, `version` first, 64-bit integers (bigint) as decimal strings. */
  readonly printJson: (document: Readonly<Record<string, unknown>>) => void;
}

/** A command is data; its file's path is its name's path. */
export interface CommandDefinition<Options extends OptionSpecs, Positionals extends PositionalSpecs> {
  /** The words after `barkeep`. */
  readonly name: string;
  /** One line, for the table of verbs. */
  readonly summary: string;
  readonly positionals?: Positionals;
  readonly options?: Options;
  /** What to type (after `barkeep <name>`) and what it does. */
  readonly examples?: ReadonlyArray<readonly [command: string, what: string]>;
  readonly handler: (args: ArgumentsOf<Options, Positionals>, context: CommandContext) => Promise<ExitCode> | ExitCode;
}

/** A definition whose argument types are forgotten: what runs, lists and documents commands needs no more. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly positionals: PositionalSpecs;
  readonly options: OptionSpecs;
  readonly examples: ReadonlyArray<readonly [command: string, what: string]>;
  run(values: Readonly<Record<string, unknown>>, context: CommandContext): Promise<ExitCode>;
}

/** Defines a command; the handler's argument types follow from `options` and `positionals`. */
export function defineCommand<
  const Options extends OptionSpecs = Record<never, never>,
  const Positionals extends PositionalSpecs = Record<never, never>,
>(definition: CommandDefinition<Options, Positionals>): Command {
  return {
    name: definition.name,
    summary: definition.summary,
    positionals: definition.positionals ?? {},
    options: definition.options ?? {},
    examples: definition.examples ?? [],
    // The parser made `values` from this very definition, which is what ArgumentsOf states; TypeScript cannot see that.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    run: async (values, context) => definition.handler(values as ArgumentsOf<Options, Positionals>, context),
  };
}
