import { z } from "zod";
import { ConfigurationError, UnavailableError, UpstreamDataError, type Failure } from "../model/errors.ts";

const coreErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  file: z.string().nullable(),
  line: z.number().nullable(),
  offset: z.number().nullable(),
});

/** Codes that are about what was asked for, not about data. */
const configurationCodes: ReadonlySet<string> = new Set(["BAD_THRESHOLD", "BAD_GATE_UNIT", "BAD_SEGMENTATION", "NO_THRESHOLDS"]);
/** Codes that are about this machine. */
const machineCodes: ReadonlySet<string> = new Set(["FILE_UNREADABLE", "NO_THREAD"]);
/** Codes that only a bug can bring about. */
const bugCodes: ReadonlySet<string> = new Set(["PANIC", "JOB_BUSY", "NO_DAY", "NO_SUCH_UNIT", "CHECKPOINT_MISMATCH", "NATIVE_BLOCK"]);

const hints: Readonly<Record<string, string>> = {
  CHECKSUM_MISMATCH: "fetch the archive and its .CHECKSUM again; if they still disagree, the exchange has published a bad pair",
  ZIP_CORRUPT: "fetch the archive again",
  ZIP_BOMB: "this is no archive of trades; remove it",
  WRONG_SYMBOL: "put the right archive in its place",
  CHECKPOINT_CORRUPT: "the store returned a damaged checkpoint; restore the store from a backup",
  CHECKPOINT_VERSION: "the series was built by a newer barkeep; use that one",
};
const rowHint = "the archive's text is not what the exchange publishes; fetch it again or report it upstream";

/** Turns what the addon threw into the taxonomy's error, with file, line and byte offset in its message; others pass through. */
export function fromAddon(error: unknown): unknown {
  const core = parseCoreError(error);
  if (core === undefined) return error;
  const { code, message, file, line, offset } = core;
  if (bugCodes.has(code)) return new Error(`${message} (${code})`, { cause: error });
  const where = [line === null ? "" : `line ${line}`, offset === null ? "" : `byte ${offset}`].filter((text) => text !== "");
  const text = where.length === 0 ? message : `${where.join(", ")}: ${message}`;
  const details = { code, hint: hints[code] ?? rowHint, cause: error, ...(file === null ? {} : { subject: file }) };
  return kindOf(code, text, details);
}

function kindOf(code: string, text: string, details: ConstructorParameters<typeof UpstreamDataError>[1]): Failure {
  if (configurationCodes.has(code)) return new ConfigurationError(text, { ...details, hint: "see --help" });
  if (machineCodes.has(code)) return new UnavailableError(text, { ...details, hint: "check the file's permissions and the disk" });
  return new UpstreamDataError(text, details);
}

function parseCoreError(error: unknown): z.infer<typeof coreErrorSchema> | undefined {
  if (!(error instanceof Error) || !error.message.startsWith("{")) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(error.message);
  } catch {
    // Not one of the core's: it stays as it is.
    return undefined;
  }
  return coreErrorSchema.safeParse(content).data;
}
