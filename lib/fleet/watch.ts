import { existsSync } from "node:fs";
import type { FleetHost, Settings } from "../config/index.ts";
import { ledgerPath, openLedger } from "../ledger/index.ts";
import { rest } from "../model/rest.ts";
import { sightHosts, type HostView } from "./host-view.ts";
import { OpenHosts, type HostFailure } from "./open-hosts.ts";

const everyMs = 2_000;

/** One look at hosts. */
export interface FleetLook {
  readonly views: readonly HostView[];
  readonly failures: readonly HostFailure[];
}

/**
 * Looks at hosts; again and again, every two seconds over the same connections, where they are watched.
 * @param group only jobs of this group
 * @param signal ends a watch
 */
export async function* lookAtFleet(
  entries: readonly FleetHost[],
  { sshConfigFile, stateDirectory }: Pick<Settings, "sshConfigFile" | "stateDirectory">,
  group: string | undefined,
  isWatched: boolean,
  signal: AbortSignal,
): AsyncGenerator<FleetLook> {
  // Looking makes no ledger.
  using ledger = existsSync(ledgerPath(stateDirectory)) ? openLedger(stateDirectory) : undefined;
  await using hosts = new OpenHosts(entries, sshConfigFile);
  for (;;) {
    hosts.failures.length = 0;
    const views = (await sightHosts(hosts, ledger)).map(({ view }) => ofGroup(view, group));
    yield { views, failures: [...hosts.failures] };
    if (!isWatched || !(await rest(everyMs, signal))) return;
  }
}

function ofGroup(view: HostView, group: string | undefined): HostView {
  if (group === undefined) return view;
  return {
    ...view,
    groups: view.groups.filter(({ name }) => name === group),
    jobs: view.jobs.filter(({ task }) => task.group === group),
  };
}
