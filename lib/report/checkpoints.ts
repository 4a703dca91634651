import { discrepancyPercent, type CheckpointClaim } from "../watch/checkpoint-look.ts";
import { formatCount } from "./text-table.ts";

/** Of days without bars so many are shown at either end. */
const [firstDays, lastDays] = [10, 5];

/** Units for a person. @param isVerbose all of them, and not only those with something to say */
export function checkpointLines(claims: readonly CheckpointClaim[], isVerbose: boolean, perDay: boolean): string[] {
  return claims.flatMap((claim) => {
    const { unit, firstDay, lastDay, claimedBars, storedBars, idleDays } = claim;
    const more =
      storedBars > claimedBars ? `; ${formatCount(storedBars - claimedBars)} rows beside them do not count` : "";
    const line = `${unit}: ${firstDay} … ${lastDay}: ${formatCount(claimedBars)} bars committed, ${formatCount(storedBars)} stored${more}`;
    return [
      ...(isVerbose || more !== "" ? [line] : []),
      ...(perDay && idleDays.length > 0
        ? [`${unit}: no bar ended on ${formatCount(idleDays.length)} days: ${shown(idleDays)}`]
        : []),
    ];
  });
}

function shown(days: readonly string[]): string {
  if (days.length <= firstDays + lastDays) return days.join(" ");
  return `${days.slice(0, firstDays).join(" ")} … ${days.slice(-lastDays).join(" ")}`;
}

/** The same in a document. */
export function checkpointEntry(claim: CheckpointClaim): Record<string, unknown> {
  return {
    unit: claim.unit,
    first_day: claim.firstDay,
    last_day: claim.lastDay,
    claimed_bars: claim.claimedBars,
    stored_bars: claim.storedBars,
    discrepancy_percent: discrepancyPercent(claim),
    fault: claim.fault ?? null,
    days_without_bars: claim.idleDays,
  };
}
