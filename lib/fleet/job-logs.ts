import type { FleetHost } from "../config/index.ts";
import { RetryableError } from "../model/errors.ts";
import { rest } from "../model/rest.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { sightHost, sightHosts, type JobView } from "./host-view.ts";
import { OpenHosts } from "./open-hosts.ts";
import { refuseNothing, selectJobs } from "./select.ts";

const everyMs = 1_000;
/** Of a task that is followed: what one look may bring at most. */
const followLines = 2_000;

/**
 * The last lines of a job's output, of its newest attempt; of one that is followed also what comes, until it ends.
 * @throws ConfigurationError NO_SUCH_JOB; what the one host that could not be asked said, where no other has the job
 */
export async function* jobLogs(
  entries: readonly FleetHost[],
  sshConfigFile: string | undefined,
  pattern: string,
  lines: number,
  isFollowed: boolean,
  signal: AbortSignal,
): AsyncGenerator<string> {
  await using hosts = new OpenHosts(entries, sshConfigFile);
  const { fleetHost, view } = await findJob(hosts, pattern);
  const { queue } = fleetHost;
  let shown = await queue.logs(view.task, lines);
  if (shown !== "") yield shown;
  if (!isFollowed) return;
  while (!signal.aborted) {
    const isOver = !(await isLive(fleetHost, view));
    const text = await queue.logs(view.task, followLines);
    const fresh = newText(shown, text);
    if (fresh !== "") yield fresh;
    shown = text;
    if (isOver) return;
    await rest(everyMs, signal);
  }
}

async function findJob(hosts: OpenHosts, pattern: string): Promise<{ fleetHost: OpenFleetHost; view: JobView }> {
  const views = await sightHosts(hosts);
  const found = views.flatMap(({ fleetHost, view: { jobs } }) =>
    selectJobs(jobs, [pattern]).map((view) => ({ fleetHost, view })),
  );
  const newest = found.toSorted((a, b) => (a.view.task.createdAt < b.view.task.createdAt ? 1 : -1))[0];
  if (newest !== undefined) return newest;
  const [failure] = hosts.failures;
  if (failure !== undefined) throw failure.failure;
  refuseNothing(
    0,
    [pattern],
    views.flatMap(({ view }) => view.jobs.map(({ job }) => job)),
  );
  throw new RetryableError(`${pattern} is gone`, { code: "TASK_GONE", subject: pattern });
}

/** Also of a job that its queue has lost sight of: it writes on. */
async function isLive(fleetHost: OpenFleetHost, { task }: JobView): Promise<boolean> {
  const { jobs } = (await sightHost(fleetHost)).view;
  const now = jobs.find((one) => one.task.label === task.label && one.task.createdAt === task.createdAt);
  return now !== undefined && (now.state === "waiting" || now.state === "running");
}

/** What of a text was not there before; both are ends of the same output, of different lengths. */
function newText(before: string, after: string): string {
  if (before === "") return after;
  const last = before.slice(-200);
  const at = after.lastIndexOf(last);
  return at === -1 ? after : after.slice(at + last.length).replace(/^\n/, "");
}
