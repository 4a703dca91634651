import { startMs, tradesOf, type Lessons } from "./lessons.ts";
import type { JobSize } from "./memory.ts";

/** First guess, as `populate --plan` has it. */
const tradesPerMs = 5000;

/** How long the job should take on a host that is not short of anything. More trades never take less time. */
export function expectedDurationMs({ group, archiveBytes }: JobSize, { msPerTrade }: Lessons): number {
  return Math.round(startMs + tradesOf(archiveBytes) * (msPerTrade.get(group) ?? 1 / tradesPerMs));
}
