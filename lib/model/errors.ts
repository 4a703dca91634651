/**
 * The error taxonomy. One class per kind; `code` is stable and may be matched on, `subject` names the unit, host or
 * file, `hint` says what to do next. An error of another class is a bug and ends the program with exit code 70.
 */

/** What every error of ours carries. */
export interface FailureDetails {
  /** Stable, upper snake case, e.g. `CHECKSUM_MISMATCH`. */
  readonly code: string;
  /** The unit, series, symbol, host or file it is about. */
  readonly subject?: string;
  /** What the reader should do next: a command, a setting, a file to look at. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Common shape of the classes below; never thrown itself. */
export abstract class Failure extends Error {
  readonly code: string;
  readonly subject: string | undefined;
  readonly hint: string | undefined;

  constructor(message: string, details: FailureDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.subject = details.subject;
    this.hint = details.hint;
  }
}

/** A network fault, 429, 5xx, or a store that is away: the same call may succeed later. */
export class RetryableError extends Failure {}

/** The upstream has not published this yet. A fact, not a fault. */
export class NotYetAvailableError extends Failure {}

/** The upstream's data is wrong: checksum, corrupt archive, rows that cannot be. */
export class UpstreamDataError extends Failure {}

/** Usage or configuration: unknown symbol or flag, bad threshold, end before start. */
export class ConfigurationError extends Failure {}

/** Refused on purpose: floor, disabled symbol, lease held, other segmentation. */
export class RefusedError extends Failure {}

/** The program could not work: store or host away, disk full. */
export class UnavailableError extends Failure {}
