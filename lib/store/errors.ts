import { ClickHouseError } from "@clickhouse/client";
import { z } from "zod";
import { ConfigurationError, Failure, RetryableError, UnavailableError } from "../model/errors.ts";

const codedError = z.object({ code: z.string(), message: z.string().default("") });

const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_STREAM_PREMATURE_CLOSE",
  "UND_ERR_SOCKET",
]);

/** ClickHouse's own codes for a server that is busy, starting, stopping or cut off from a part of itself. */
const busyCodes = new Set(["159", "202", "209", "210", "236", "242", "252", "279", "394", "425", "999"]);
const authenticationCodes = new Set(["192", "193", "194", "497", "516"]);
const diskFullCode = "243";
const memoryCode = "241";

/**
 * What an error of the store means to a caller: an error of our own kinds where the meaning is known, the error itself
 * where it is not, so that an unknown fault ends the attempt loudly as a bug.
 * @param where the store's URL or directory
 */
export function storeFailure(error: unknown, where: string): unknown {
  if (error instanceof Failure) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = codedError.safeParse(error).data?.code ?? "";
  if (code === diskFullCode || code === "ENOSPC" || /errno: 28\b|No space left on device/i.test(text)) {
    return new UnavailableError("the disk of the store is full", {
      code: "DISK_FULL",
      subject: where,
      hint: "free some space and run the same command again; nothing was committed by halves",
      cause: error,
    });
  }
  if (["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOENT"].includes(code)) return notWritable(where, error);
  if (authenticationCodes.has(code)) {
    return new ConfigurationError("the store refuses the user or password", {
      code: "STORE_AUTHENTICATION",
      subject: where,
      hint: "check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD, or the values in the owner's owner.json",
      cause: error,
    });
  }
  if (code === memoryCode) {
    return new UnavailableError("the store ran out of the memory it is allowed", {
      code: "STORE_MEMORY",
      subject: where,
      hint: "run again with less in parallel, or raise the engine's limit",
      cause: error,
    });
  }
  const isNetwork = networkCodes.has(code) || /socket hang up|^Timeout error\.$|\baborted$/.test(text);
  if (isNetwork || (error instanceof ClickHouseError && busyCodes.has(code))) {
    return new RetryableError(`the store does not answer: ${firstLine(text)}`, {
      code: "STORE_AWAY",
      subject: where,
      hint: "check that it is running and run the same command again; it goes on after the last commit",
      cause: error,
    });
  }
  return isStranger(error, where, code)
    ? new RetryableError(`what answers is not the store: ${firstLine(text)}`, {
        code: "STORE_AWAY",
        subject: where,
        hint: "check CLICKHOUSE_URL and what stands in between, and run the same command again; it goes on after the last commit",
        cause: error,
      })
    : error;
}

/** A proxy's page, or another program on the server's port: the client's bare error holds its text, or it is no JSON. */
function isStranger(error: unknown, where: string, code: string): boolean {
  if (!(error instanceof Error) || code !== "" || !/^https?:/.test(where)) return false;
  return error instanceof SyntaxError || (error.constructor === Error && !/^(Code|Error): \d/.test(error.message));
}

/** The store could not be reached, or broke the connection off: its process may be gone. One that answers is not cut off. */
export function isCutOff(failure: unknown): boolean {
  if (!(failure instanceof RetryableError) || failure.code !== "STORE_AWAY") return false;
  return !(failure.cause instanceof ClickHouseError) && !isTimeout(failure.cause);
}

/** The connection was refused: whatever was to be sent has not arrived. */
export function wasNeverSent(failure: unknown): boolean {
  return failure instanceof RetryableError && codedError.safeParse(failure.cause).data?.code === "ECONNREFUSED";
}

/** Nobody answered within the client's limit; the other side may still be at it. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && /^Timeout error\.$/.test(error.message);
}

/** The state directory, or something in it, may not be written by this user. */
export function notWritable(path: string, cause: unknown): ConfigurationError {
  return new ConfigurationError("the state directory cannot be written", {
    code: "STATE_NOT_WRITABLE",
    subject: path,
    hint: "change its owner or mode, or name another one with --state or BARKEEP_STATE",
    cause,
  });
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
