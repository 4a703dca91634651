import type { JobSize, MeasuredAttempt } from "./memory.ts";
import { tradesOf } from "./memory.ts";
import { quantile } from "./quantile.ts";

/** First guesses, as `populate --plan` has them; from the first measured jobs on they play no part. */
const startMs = 1000;
const tradesPerMs = 5000;
const samplesMin = 5;

/** How long the job should take on a host that is not short of anything. More trades never take less time. */
export function expectedDurationMs(job: JobSize, history: readonly MeasuredAttempt[]): number {
  const perTrade = history
    .filter(({ group, trades }) => group === job.group && trades > 0)
    .map(({ trades, durationMs }) => Math.max(0, durationMs - startMs) / trades);
  const rate = perTrade.length < samplesMin ? 1 / tradesPerMs : quantile(perTrade, 0.5);
  return Math.round(startMs + tradesOf(job.archiveBytes) * rate);
}
