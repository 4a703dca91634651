import type { ProcessEnvironment } from "../config/index.ts";
import { ConfigurationError, Failure } from "../model/errors.ts";
import type { Command } from "./define.ts";
import { camelCase, type OptionSpec, type PositionalSpec } from "./options.ts";

type Spec = OptionSpec | PositionalSpec;

/**
 * The handler's values: the flag, else the option's `env`, else its default; each text through the option's parser.
 * @throws ConfigurationError USAGE where a demanded one is in neither, BAD_SETTING, or what the parser says, with the flag or
 * the environment's name as its subject
 */
export function readValues(
  command: Command,
  raw: Readonly<Record<string, unknown>>,
  env: ProcessEnvironment,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(command.options)) {
    const fromEnv = spec.env === undefined || raw[name] !== undefined ? undefined : env[spec.env];
    const subject = fromEnv === undefined ? `--${name}` : `${spec.env}`;
    const value = raw[name] ?? fromEnv ?? spec.default;
    if (value === undefined && spec.demandOption === true) {
      const hint = spec.env === undefined ? `barkeep ${command.name} --help` : `give --${name} or set ${spec.env}`;
      throw new ConfigurationError(`Missing required argument: ${name}`, { code: "USAGE", hint });
    }
    values[camelCase(name)] = spec.type === "boolean" ? readBoolean(value, subject) : readText(spec, value, subject);
  }
  for (const [name, spec] of Object.entries(command.positionals)) {
    values[camelCase(name)] = readText(spec, raw[name], `<${name}>`);
  }
  return values;
}

function readBoolean(given: unknown, subject: string): boolean {
  if (given === undefined || typeof given === "boolean") return given ?? false;
  const text = textOf(given);
  if (["true", "1"].includes(text)) return true;
  if (["false", "0"].includes(text)) return false;
  const hint = "set it to true, false, 1 or 0, or unset it";
  throw new ConfigurationError(`"${text}" is not true or false`, { code: "BAD_SETTING", subject, hint });
}

/** The parser and the environment hand over scalars only. */
function textOf(given: unknown): string {
  if (typeof given === "string" || typeof given === "number" || typeof given === "boolean") return String(given);
  throw new TypeError(`a value of type ${typeof given} came from the command line`);
}

function readText(spec: Spec, given: unknown, subject: string): unknown {
  if (spec.array !== true) return given === undefined ? undefined : readOne(spec, textOf(given), subject);
  // From the environment a list comes as one text, parted by commas.
  const items: readonly unknown[] = typeof given === "string" ? given.split(",") : Array.isArray(given) ? given : [];
  return items.map((item) => readOne(spec, textOf(item), subject));
}

function readOne(spec: Spec, text: string, subject: string): unknown {
  if (text === "") throw new ConfigurationError("an empty text is no value", { code: "USAGE", subject });
  if (spec.choices !== undefined && !spec.choices.includes(text)) {
    const hint = `one of ${spec.choices.join(", ")}`;
    throw new ConfigurationError(`"${text}" is not allowed here`, { code: "BAD_SETTING", subject, hint });
  }
  if (spec.parse === undefined) return text;
  try {
    return spec.parse(text);
  } catch (error) {
    if (!(error instanceof Failure) || error.subject !== undefined) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new ConfigurationError(error.message, { code: error.code, subject, cause: error, ...hint });
  }
}
