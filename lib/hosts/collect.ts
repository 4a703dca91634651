import type { Readable } from "node:stream";
import { RetryableError, UnavailableError } from "../model/errors.ts";
import type { ExecOptions, ExecResult, RunningCommand } from "./host.ts";

const outputBytesMax = 64 * 1024 * 1024;

/**
 * Waits for a command's end and gathers its output. Too long, too much output or an abort end its processes.
 * @throws RetryableError HOST_LOST, HOST_TIMEOUT; UnavailableError HOST_OUTPUT; the signal's reason
 */
export async function collect(host: string, command: RunningCommand, options: ExecOptions): Promise<ExecResult> {
  const stop = new AbortController();
  const max = options.outputBytesMax ?? outputBytesMax;
  const gather = async (stream: Readable): Promise<string> => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= max) chunks.push(chunk);
      else stop.abort(tooMuchOutput(host, max));
    });
    await command.ended;
    return Buffer.concat(chunks).toString("utf8");
  };
  const signals = [stop.signal, ...(options.signal === undefined ? [] : [options.signal])];
  const { timeoutMs } = options;
  const timer =
    timeoutMs === undefined ? undefined : setTimeout(() => stop.abort(tookTooLong(host, timeoutMs)), timeoutMs);
  const aborted = AbortSignal.any(signals);
  let killing: Promise<void> | undefined;
  const onAbort = (): void => {
    killing = command.kill();
  };
  if (aborted.aborted) onAbort();
  else aborted.addEventListener("abort", onAbort, { once: true });
  try {
    const [stdout, stderr] = await Promise.all([gather(command.stdout), gather(command.stderr)]);
    const { code, signal } = await command.ended;
    aborted.throwIfAborted();
    return { code, signal, stdout, stderr };
  } finally {
    clearTimeout(timer);
    aborted.removeEventListener("abort", onAbort);
    await killing;
  }
}

function tookTooLong(host: string, timeoutMs: number): RetryableError {
  return new RetryableError(`a command on ${host} took longer than ${timeoutMs} ms and was ended`, {
    code: "HOST_TIMEOUT",
    subject: host,
    hint: "see what keeps the host busy",
  });
}

function tooMuchOutput(host: string, bytesMax: number): UnavailableError {
  return new UnavailableError(`a command on ${host} printed more than ${bytesMax} bytes and was ended`, {
    code: "HOST_OUTPUT",
    subject: host,
    hint: "let it write into a file there",
  });
}
