import type { FleetHost } from "../config/index.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { OpenHosts, type HostFailure } from "./open-hosts.ts";

/** What each host answered, and who did not. */
export interface HostAnswers<Answer> {
  readonly answers: readonly { readonly host: string; readonly answer: Answer }[];
  readonly failures: readonly HostFailure[];
}

/** Asks several hosts the same at the same time. */
export async function onHosts<Answer>(
  entries: readonly FleetHost[],
  sshConfigFile: string | undefined,
  ask: (host: OpenFleetHost) => Promise<Answer>,
): Promise<HostAnswers<Answer>> {
  await using hosts = new OpenHosts(entries, sshConfigFile);
  const answers = await hosts.each(async (host) => ({ host: host.entry.name, answer: await ask(host) }));
  return { answers, failures: hosts.failures };
}
