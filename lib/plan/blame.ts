import { exitCodes } from "../model/exit-codes.ts";

/** How one attempt of a job ended. */
export type JobEnd =
  | { readonly kind: "done" }
  /** The worker said so by its exit code, or ended by a signal (undefined). */
  | { readonly kind: "failed"; readonly exitCode: number | undefined; readonly code: string }
  /** It exceeded its memory limit. The peak is what it had reached by then, not what it would have needed. */
  | { readonly kind: "out of memory"; readonly peakBytes: number }
  /** It ran longer than its clock allows. */
  | { readonly kind: "timeout" }
  /** Its host, or the queue there, was gone while it ran. */
  | { readonly kind: "lost" }
  /** It never began on the host that it was admitted to. */
  | { readonly kind: "never began" }
  /** Stopped on purpose: memory pressure, a drain, a shutdown. */
  | { readonly kind: "stopped" }
  | { readonly kind: "cancelled" };

/** Who is to answer for an attempt that did not end well. Only `unit` uses up the unit's budget. */
export const blames = ["unit", "memory", "host", "elsewhere", "settings", "nobody", "operator"] as const;
export type Blame = (typeof blames)[number];

/** Whose fault an end was; undefined where there is none. */
export function blameOf(end: JobEnd): Blame | undefined {
  switch (end.kind) {
    case "done":
      return undefined;
    case "failed":
      return blameOfExit(end.exitCode, end.code);
    case "out of memory":
      return "memory";
    case "timeout":
      return "unit";
    case "lost":
    case "never began":
      return "host";
    case "stopped":
      return "nobody";
    case "cancelled":
      return "operator";
    default:
      return end satisfies never;
  }
}

/** Refusals that pass: another process has the unit. */
const passing: ReadonlySet<string> = new Set(["LEASE_HELD", "SUPERSEDED", "STORE_OWNED"]);

/** The exit codes as docs/exit-codes.md explains them. A signal nobody sent on purpose is the unit's: it crashed. */
function blameOfExit(exitCode: number | undefined, code: string): Blame {
  switch (exitCode) {
    case exitCodes.unavailable:
    case exitCodes.findings:
      // Store or archive away, disk full; a day that is not published yet or that the exchange serves damaged.
      return "elsewhere";
    case exitCodes.refused:
      return passing.has(code) ? "elsewhere" : "settings";
    case exitCodes.usage:
      return "settings";
    case exitCodes.interrupted:
      return "nobody";
    case undefined:
    default:
      return "unit";
  }
}
