import type { HealTry, IncidentBody } from "../ledger/index.ts";
import type { SaidGap } from "../watch/could-find.ts";
import type { Finding } from "../watch/finding.ts";
import type { Gap } from "../watch/gap.ts";
import { nextHealStep, type HealPolicy } from "./policy.ts";
import { gapKey, gapPlace } from "./repairs.ts";

/**
 * The gaps whose tries are used up: from here on a person has to look.
 * @param tries by gap, as the ledger has them
 */
export function exhaustedFindings(
  gaps: readonly Gap[],
  tries: ReadonlyMap<string, readonly HealTry[]>,
  nowMs: number,
  policy: HealPolicy,
): Finding[] {
  const distinct = [...Map.groupBy(gaps, gapKey).values()].flatMap((same) => same.slice(0, 1));
  return distinct.flatMap((gap): Finding[] => {
    const ofGap = tries.get(gapKey(gap)) ?? [];
    const next = nextHealStep(ofGap, nowMs, policy);
    // What a host's queue has may close it yet.
    if (next.step !== "exhausted" || ofGap.at(-1)?.result === "queued") return [];
    return [
      {
        kind: "heal-exhausted",
        subject: gap.unit,
        place: `${gap.kind} ${gapPlace(gap)}`,
        verdict: "wrong",
        summary: `the ${gap.kind} gap from ${gap.fromDay} was tried ${next.tries} times and is still there`,
        evidence: {
          days: `${gap.fromDay}..${gap.throughDay}`,
          tries: String(next.tries),
          last: next.code,
          again: new Date(next.untilMs).toISOString(),
        },
      },
    ];
  });
}

/** The gap that an incident of used up tries is about. @param series of its unit */
export function gapOfExhausted({ place = "", evidence }: IncidentBody, series: string): SaidGap {
  const [from = "", through = from] = evidence["days"]?.split("..") ?? [];
  return {
    kind: `gap-${place.split(" ")[0]}`,
    subject: series,
    place: undefined,
    evidence: { from_day: from, through_day: through },
  };
}
