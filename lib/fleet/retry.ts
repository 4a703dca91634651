import type { FleetHost, ProcessEnvironment, Settings } from "../config/index.ts";
import { openLedger } from "../ledger/index.ts";
import { planVerdict } from "../plan/max-fails.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { isToBeTriedAgain, viewHost, type JobView } from "./host-view.ts";
import { OpenHosts, type HostFailure } from "./open-hosts.ts";
import { queueAgain, type RetriedJob } from "./queue-again.ts";
import { recordResults } from "./results.ts";
import { resumeGroups } from "./setup-groups.ts";
import { refuseNothing, selectJobs } from "./select.ts";
import { undrainedHosts } from "./undrained.ts";
import { plannedState, verdictOn, type Verdict } from "./verdict.ts";

export interface RetryRequest {
  readonly entries: readonly FleetHost[];
  /** Which jobs; all that failed where there is none. */
  readonly patterns: readonly string[];
  /** Let paused groups start jobs again, too. */
  readonly resumes: boolean;
  /** With more jobs in quarantine nothing is queued; undefined sets no bound. */
  readonly failsMax: number | undefined;
  readonly isPlan: boolean;
}

/** A job that is left as it is. */
export interface LeftJob {
  readonly job: string;
  readonly host: string;
  readonly kind: "quarantined" | "cancelled";
  readonly reason: string;
  readonly advice: string;
}

export interface RetryOutcome {
  readonly jobs: readonly RetriedJob[];
  /** Jobs that another attempt would not help, or that a person has ended. */
  readonly left: readonly LeftJob[];
  /** Why nothing was queued at all; undefined where it was. */
  readonly aborted: string | undefined;
  readonly resumed: readonly { readonly host: string; readonly group: string }[];
  readonly failures: readonly HostFailure[];
}

/**
 * Queues jobs anew that did not end well, as far as it was not their own fault three times: the same days, from the last commit on, with
 * the store's address of now, and with the memory that their attempts ask for. One that waits or runs is left alone. Never a rebuild.
 * @param note says which hosts are left out
 * @throws RefusedError HOST_DRAINED; ConfigurationError NO_SUCH_JOB
 */
export async function retryJobs(
  { entries, patterns, resumes, failsMax, isPlan }: RetryRequest,
  settings: Settings,
  env: ProcessEnvironment,
  note: (line: string) => void,
): Promise<RetryOutcome> {
  using ledger = openLedger(settings.stateDirectory);
  await using hosts = new OpenHosts(entries, settings.sshConfigFile);
  const open = await undrainedHosts(hosts, ledger, isPlan, note);
  const looks = await hosts.each(async (fleetHost) => {
    const view = await viewHost(fleetHost);
    await recordResults(
      fleetHost,
      view.jobs.map(({ task }) => task),
      ledger,
    );
    return { fleetHost, view };
  });
  const views = looks.filter(({ fleetHost }) => open.has(fleetHost.entry.name));
  const selected = views.map(({ fleetHost, view }) => ({ fleetHost, jobs: selectJobs(view.jobs, patterns) }));
  const there = views.flatMap(({ view }) => view.jobs.map(({ job }) => job));
  if (hosts.failures.length === 0) {
    refuseNothing(
      selected.reduce((sum, { jobs }) => sum + jobs.length, 0),
      patterns,
      there,
    );
  }
  const isNamed = patterns.length > 0;
  const judge = (view: JobView, { entry }: OpenFleetHost, named: boolean): Verdict | undefined =>
    isToBeTriedAgain(view) ? verdictOn(view, entry, named, ledger) : undefined;
  const states = views.flatMap(({ fleetHost, view }) =>
    view.jobs.map((job) => plannedState(job, judge(job, fleetHost, false))),
  );
  const plan = planVerdict(states, failsMax);
  const aborted = plan.verdict === "aborted" ? plan.reason : undefined;
  const jobs: RetriedJob[] = [];
  const left: LeftJob[] = [];
  const resumed: RetryOutcome["resumed"][number][] = [];
  for (const { fleetHost, jobs: chosen } of selected) {
    const host = fleetHost.entry.name;
    const judged = chosen.map((view) => ({ view, verdict: judge(view, fleetHost, isNamed) }));
    left.push(...judged.flatMap(({ view, verdict }) => leftJob(view, host, verdict)));
    if (aborted !== undefined) continue;
    await hosts.try(fleetHost, async () => {
      const again = judged.filter(({ verdict }) => verdict?.kind === "again").map(({ view }) => view);
      const isDeclined = env["RANGEBAR_NO_CGROUP"] === "1";
      jobs.push(...(await queueAgain(fleetHost, again, isDeclined, isPlan, settings, ledger)));
      if (!resumes) return;
      const groups = await resumeGroups(fleetHost, [], ledger, isPlan);
      resumed.push(...groups.map((group) => ({ host, group })));
    });
  }
  return { jobs, left, aborted, resumed, failures: hosts.failures };
}

function leftJob({ job }: JobView, host: string, verdict: Verdict | undefined): LeftJob[] {
  switch (verdict?.kind) {
    case "quarantined":
      return [{ job, host, ...verdict }];
    case "cancelled":
      return [{ job, host, kind: "cancelled", reason: "a person ended it", advice: "name it to have it tried again" }];
    case "again":
    case undefined:
      return [];
    default:
      return verdict satisfies never;
  }
}
