/**
 * An error of the HTTP interface itself, in ClickHouse's own shape, so that clients read it as they read a server's:
 * `Code: N. DB::Exception: text. (NAME)` and the number in a header.
 */
export class ServeException extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, name: string, text: string) {
    super(`Code: ${code}. DB::Exception: ${text}. (${name})`);
    this.status = status;
    this.code = code;
  }
}

/** What the client sent cannot be taken as it is. */
export function badRequest(text: string): ServeException {
  return new ServeException(400, 36, "BAD_ARGUMENTS", text);
}

/** What the client wants is part of ClickHouse's interface and not of this one. */
export function notImplemented(text: string): ServeException {
  return new ServeException(501, 48, "NOT_IMPLEMENTED", text);
}

const engineText = /^Code: (\d+)\. DB::Exception: /;

/** ClickHouse's statuses for the codes that clients tell apart; every other error of a statement is 400 or 500. */
const statusOfCode: ReadonlyMap<number, number> = new Map([
  [60, 404],
  [81, 404],
  [159, 408],
  [241, 507],
  [243, 507],
  [516, 403],
]);

/** What an error means over HTTP; an error that is not the engine's is a bug and says no more than its message. */
export function exceptionOf(error: unknown): ServeException {
  if (error instanceof ServeException) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && "code" in error && error.code === "ENOSPC") {
    return new ServeException(507, 243, "NOT_ENOUGH_SPACE", text);
  }
  const code = Number(engineText.exec(text)?.[1] ?? 1002);
  const exception = new ServeException(statusOfCode.get(code) ?? (code === 1002 ? 500 : 400), code, "UNKNOWN", text);
  if (engineText.test(text)) exception.message = text;
  return exception;
}
