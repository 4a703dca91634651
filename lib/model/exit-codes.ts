import {
  ConfigurationError,
  type Failure,
  NotYetAvailableError,
  RefusedError,
  RetryableError,
  UnavailableError,
  UpstreamDataError,
} from "./errors.ts";

/** Exit codes of every program; the table in docs/exit-codes.md is generated from here. */
export const exitCodes = {
  ok: 0,
  findings: 1,
  unavailable: 2,
  usage: 3,
  refused: 4,
  bug: 70,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What each code means, for docs and `--help`. */
export const exitCodeMeanings: ReadonlyArray<readonly [ExitCode, string]> = [
  [exitCodes.ok, "done, or clean"],
  [exitCodes.findings, "findings, or partial: some day or unit asked for is not committed, everything else is"],
  [exitCodes.unavailable, "could not determine or could not work: store or host away, disk full"],
  [exitCodes.usage, "usage or configuration: unknown symbol or flag, bad threshold, end before start"],
  [exitCodes.refused, "refused: floor, disabled symbol, lease held, other segmentation"],
  [exitCodes.bug, "internal error: a bug"],
  [
    exitCodes.interrupted,
    "interrupted: the first SIGINT or SIGTERM stops after the current commit, the second at once",
  ],
];

/** The exit code an error that reached the top of a program stands for. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UpstreamDataError || error instanceof NotYetAvailableError) return exitCodes.findings;
  if (error instanceof RetryableError || error instanceof UnavailableError) return exitCodes.unavailable;
  if (error instanceof ConfigurationError) return exitCodes.usage;
  if (error instanceof RefusedError) return exitCodes.refused;
  return exitCodes.bug;
}

/** What a run with these failures ends with: findings only where nothing worse happened. */
export function worstExitCode(failures: readonly Failure[]): ExitCode {
  const codes = failures.map(exitCodeOf);
  return codes.find((code) => code !== exitCodes.findings) ?? codes[0] ?? exitCodes.ok;
}
