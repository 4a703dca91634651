import type { QueueGroup } from "../queue/queue.ts";
import type { JobView } from "./host-view.ts";

export interface GroupOutlook {
  readonly running: number;
  readonly waiting: number;
  /** Until all of it is done, if jobs go on as those before them; undefined where none has ended yet, or none starts. */
  readonly secondsLeft: number | undefined;
}

/** How long a group still takes. @param jobs the group's */
export function groupOutlook({ status, parallel }: QueueGroup, jobs: readonly JobView[]): GroupOutlook {
  const running = jobs.filter(({ state }) => state === "running");
  const waiting = jobs.filter(({ state }) => state === "waiting").length;
  const counts = { running: running.length, waiting };
  const seconds = jobs.flatMap(({ state, where }) =>
    state === "done" && where.kind === "finished" ? [where.result.durationMs / 1000] : [],
  );
  const mean = seconds.length === 0 ? undefined : seconds.reduce((sum, one) => sum + one, 0) / seconds.length;
  if (waiting > 0 && (mean === undefined || status !== "running")) return { ...counts, secondsLeft: undefined };
  const left = running.map(({ work }) => {
    if (work === undefined || work.days_done === 0) return mean;
    return (work.elapsed_ms / 1000 / work.days_done) * (work.days_total - work.days_done);
  });
  const known = left.filter((one) => one !== undefined);
  if (known.length < left.length) return { ...counts, secondsLeft: undefined };
  const places = parallel === "unlimited" ? Math.max(1, waiting + running.length) : Math.max(1, parallel);
  const work = known.reduce((sum, one) => sum + one, 0) + waiting * (mean ?? 0);
  return { ...counts, secondsLeft: Math.max(work / places, ...known) };
}
