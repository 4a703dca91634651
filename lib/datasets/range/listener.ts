import type { Failure } from "../../model/errors.ts";

/** Where a run tells people what happens. */
export interface PopulateListener {
  line(text: string): void;
  progress(state: { subject: string; daysDone: number; daysTotal: number; trades: bigint; bars: number }): void;
}

/** One line: what, where, what to do, code. */
export function describeFailure(failure: Failure): string {
  const subject = failure.subject === undefined ? "" : `${failure.subject}: `;
  const hint = failure.hint === undefined ? "" : `; ${failure.hint}`;
  return `${subject}${failure.message}${hint} (${failure.code})`;
}
