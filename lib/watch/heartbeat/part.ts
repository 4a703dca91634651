import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../model/errors.ts";
import type { Finding } from "../finding.ts";
import type { Examined, Look } from "../look.ts";

/** What a part of the heartbeat has seen. */
export interface PartLook {
  readonly findings: readonly Finding[];
  readonly examined: readonly Examined[];
  /** As in {@link Look}. */
  readonly ends?: Look["ends"];
  /** A few words for the report: `72 series`. */
  readonly note: string;
}

/** One part of the heartbeat, which knows nothing of the others. */
export interface Part {
  readonly name: string;
  readonly look: (signal: AbortSignal) => Promise<PartLook>;
}

/** A part that has been run. */
export interface PartResult extends PartLook {
  readonly name: string;
  /** `unknown` where it failed or ran out of time. */
  readonly state: "well" | "findings" | "unknown";
  readonly elapsedMs: number;
}

/**
 * Runs all parts at the same time. One that fails, or is not done in time, takes nothing from the others: it is a finding.
 * @param budgetMs for all of them
 * @param note told of errors that are bugs
 */
export async function runParts(
  parts: readonly Part[],
  budgetMs: number,
  signal: AbortSignal,
  note: (line: string) => void,
): Promise<PartResult[]> {
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  const late = sleep(budgetMs, undefined, { signal: both }).then(
    () => "late" as const,
    () => "late" as const,
  );
  try {
    return await Promise.all(parts.map(async (part) => runPart(part, late, both, note)));
  } finally {
    end.abort();
  }
}

async function runPart(
  part: Part,
  late: Promise<"late">,
  signal: AbortSignal,
  note: (line: string) => void,
): Promise<PartResult> {
  const startMs = performance.now();
  const done = (look: PartLook, state: PartResult["state"]): PartResult => ({
    ...look,
    name: part.name,
    state,
    elapsedMs: Math.round(performance.now() - startMs),
  });
  try {
    const look = await Promise.race([part.look(signal), late]);
    if (look === "late") return done(partial(part.name, "was not done in time"), "unknown");
    const isUnknown = look.findings.some(({ verdict }) => verdict === "unknown");
    return done(look, isUnknown ? "unknown" : look.findings.length > 0 ? "findings" : "well");
  } catch (error) {
    const stack = error instanceof Error ? error.stack : String(error);
    if (!(error instanceof Failure)) note(`${part.name}: internal error: ${stack}`);
    const message = error instanceof Error ? error.message : String(error);
    return done(
      partial(part.name, `failed: ${message}`, error instanceof Failure ? error.code : "INTERNAL_ERROR"),
      "unknown",
    );
  }
}

function partial(name: string, what: string, code = "OUT_OF_TIME"): PartLook {
  const summary = `its part "${name}" ${what}`;
  const finding: Finding = {
    kind: "heartbeat-partial",
    subject: "watch",
    place: name,
    verdict: "unknown",
    summary,
    evidence: { part: name, code },
  };
  return { findings: [finding], examined: [], note: what };
}
