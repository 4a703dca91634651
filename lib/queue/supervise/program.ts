import { parseArgs } from "node:util";
import { explainError, reportFailure } from "../../command/failure-report.ts";
import { ConfigurationError } from "../../model/errors.ts";
import { exitCodeOf } from "../../model/exit-codes.ts";
import { supervise, type SuperviseRequest } from "./supervise.ts";

const options = {
  label: { type: "string" },
  unit: { type: "string" },
  "job-folder": { type: "string" },
  "units-folder": { type: "string" },
  "memory-max": { type: "string" },
  "partly-is-well": { type: "boolean" },
} as const;

/**
 * `supervise.mjs --label L --unit U --job-folder DIR --units-folder DIR [--memory-max BYTES] [--partly-is-well] -- PROGRAM [ARGUMENT…]`: what a queue
 * runs. Not a verb: it starts once for every job, so it loads neither the engine nor the settings.
 * @returns the exit code
 */
export async function superviseMain(argv: readonly string[]): Promise<number> {
  try {
    return await supervise(parse(argv));
  } catch (error) {
    const known = explainError(error);
    process.stderr.write(`${reportFailure(known).text}\n`);
    return exitCodeOf(known);
  }
}

function parse(argv: readonly string[]): SuperviseRequest {
  const end = argv.indexOf("--");
  const [program, ...args] = end === -1 ? [] : argv.slice(end + 1);
  const values = parseOptions(end === -1 ? argv : argv.slice(0, end));
  const { label, unit } = values;
  const jobFolder = values["job-folder"];
  const unitsFolder = values["units-folder"];
  const memoryMax = values["memory-max"];
  if (program === undefined || label === undefined || unit === undefined) throw usage("--label, --unit and a program");
  if (jobFolder === undefined || unitsFolder === undefined) throw usage("--job-folder and --units-folder");
  if (memoryMax !== undefined && !/^[1-9]\d*$/.test(memoryMax)) throw usage("--memory-max in whole bytes");
  return {
    argv: [program, ...args],
    label,
    unit,
    jobFolder,
    unitsFolder,
    isPartlyWell: values["partly-is-well"] === true,
    memoryMaxBytes: memoryMax === undefined ? undefined : Number(memoryMax),
  };
}

function parseOptions(argv: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof options }>>["values"] {
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function usage(what: string): ConfigurationError {
  return new ConfigurationError(`the supervisor wants ${what}`, { code: "SUPERVISE_USAGE" });
}
