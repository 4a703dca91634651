import yargs, { type Argv, type Options } from "yargs";
import { z } from "zod";
import type { SettingFlags } from "../config/index.ts";
import { ConfigurationError } from "../model/errors.ts";
import { exitCodeMeanings } from "../model/exit-codes.ts";
import { release } from "../model/release.ts";
import { commonOptions } from "./common-options.ts";
import type { Command } from "./define.ts";
import type { OptionSpec, OptionSpecs, PositionalSpec } from "./options.ts";

/** What a command line came to: text to print (`--help`, `--version`), or arguments. */
export type Parsed =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "arguments"; readonly flags: SettingFlags; readonly raw: Readonly<Record<string, unknown>> };

const text = z.string().min(1).optional();
const commonFlags = z.object({
  state: text,
  symbols: text,
  fleet: text,
  "ssh-config": text,
  archive: text,
  market: text,
  json: z.boolean().optional(),
});

/**
 * Parses a command line by the command's definition, strictly.
 * @throws ConfigurationError USAGE with yargs' message
 */
export async function parseCommandLine(command: Command, argv: readonly string[]): Promise<Parsed> {
  const options: OptionSpecs = { ...command.options, ...commonOptions };
  const parser = buildParser(command, options);
  const result = await new Promise<{ problem: unknown; raw: unknown; output: string }>((resolve) => {
    void parser.parse([...argv], {}, (problem: unknown, raw: unknown, output: string) => {
      resolve({ problem, raw, output });
    });
  });
  const usage = (message: string): ConfigurationError =>
    new ConfigurationError(message, { code: "USAGE", hint: `barkeep ${command.name} --help` });
  if (result.problem instanceof Error) throw usage(result.problem.message);
  if (result.output !== "") return { kind: "text", text: result.output };
  const raw = z.record(z.string(), z.unknown()).parse(result.raw);
  for (const [name, spec] of Object.entries(options)) {
    if (spec.array !== true && Array.isArray(raw[name])) throw usage(`--${name} is given twice`);
    if (raw[name] === "") throw usage(`--${name} is empty`);
  }
  return { kind: "arguments", flags: commonFlags.parse(raw), raw };
}

function buildParser(command: Command, options: OptionSpecs): Argv {
  const places = Object.entries(command.positionals).map(([name, spec]) => {
    const inner = spec.array === true ? `${name}..` : name;
    return spec.demandOption === true ? `<${inner}>` : `[${inner}]`;
  });
  const codes = exitCodeMeanings.map(([code, what]) => `${String(code).padStart(5)}  ${what}`);
  const parser = yargs()
    .scriptName(`barkeep ${command.name}`)
    .locale("en")
    .parserConfiguration({
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "boolean-negation": false,
      "greedy-arrays": false,
      "strip-aliased": true,
    })
    .strict()
    .exitProcess(false)
    .showHelpOnFail(false)
    .wrap(Math.min(Math.max(process.stdout.columns ?? 110, 60), 120))
    .command(["$0", ...places].join(" "), command.summary, (inner) => {
      for (const [name, spec] of Object.entries(command.positionals)) {
        inner.positional(name, { type: "string", describe: spec.describe, ...choicesOf(spec) });
      }
      for (const [name, spec] of Object.entries(options)) inner.option(name, yargsOption(spec));
      return inner;
    })
    .help("help", "show this text")
    .alias("help", "h")
    .version("version", "show the release", release)
    .group(["help", "version"], "Common options:")
    .epilogue(`Exit codes:\n${codes.join("\n")}`);
  for (const [typed, what] of command.examples) parser.example(`$0 ${typed}`, what);
  return parser;
}

function yargsOption(spec: OptionSpec): Options {
  return {
    type: spec.type,
    describe: spec.env === undefined ? spec.describe : `${spec.describe} [env ${spec.env}]`,
    ...choicesOf(spec),
    ...(spec.type === "string" ? { requiresArg: true } : {}),
    ...(spec.array === true ? { array: true } : {}),
    ...(spec.alias === undefined ? {} : { alias: spec.alias }),
    // Where the environment may have it, absence on the command line is no error yet.
    ...(spec.demandOption === true && spec.env === undefined ? { demandOption: true } : {}),
    ...(spec.group === undefined ? {} : { group: spec.group }),
    // A default given to yargs would be taken for a flag and win over the environment.
    ...(spec.default === undefined ? {} : { defaultDescription: String(spec.default) }),
  };
}

function choicesOf(spec: OptionSpec | PositionalSpec): Pick<Options, "choices"> {
  return spec.choices === undefined ? {} : { choices: spec.choices };
}
