import { ConfigurationError } from "../model/errors.ts";
import { unitsOf } from "./jobs.ts";
import type { JobView } from "./host-view.ts";

/**
 * Jobs that a person means: by a job's name as status shows it, by one of its units, by its symbol, or by any of these with `*` for whatever
 * stands there (`BTC*`, `*@250:*`).
 * @param patterns all jobs where there is none
 */
export function selectJobs(jobs: readonly JobView[], patterns: readonly string[]): JobView[] {
  if (patterns.length === 0) return [...jobs];
  const tests = patterns.map(matcher);
  return jobs.filter(({ job, label }) => {
    const names = [job, ...unitsOf(label), label.symbol];
    return tests.some((test) => names.some((name) => test.test(name)));
  });
}

/** @throws ConfigurationError NO_SUCH_JOB where nothing matched, listing what is there */
export function refuseNothing(found: number, patterns: readonly string[], there: readonly string[]): void {
  if (found > 0 || patterns.length === 0) return;
  const shown = there.slice(0, 10).join(", ");
  throw new ConfigurationError(`no job is called ${patterns.join(" or ")}`, {
    code: "NO_SUCH_JOB",
    subject: patterns.join(" "),
    hint:
      there.length === 0
        ? "the queue has none of barkeep's: barkeep populate --host queues them"
        : `there are ${shown}${there.length > 10 ? ", …" : ""}; * stands for anything`,
  });
}

function matcher(pattern: string): RegExp {
  const literal = pattern.split("*").map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}$`);
}
