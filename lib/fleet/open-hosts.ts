import type { FleetHost } from "../config/index.ts";
import { Failure } from "../model/errors.ts";
import { openFleetHost, type OpenFleetHost } from "./fleet-host.ts";

/** What a host said instead of an answer. */
export interface HostFailure {
  readonly host: string;
  readonly failure: Failure;
}

/** Several hosts, open together. One that is away does not keep the others from their work. */
export class OpenHosts implements AsyncDisposable {
  readonly hosts: readonly OpenFleetHost[];
  readonly failures: HostFailure[] = [];

  /** @throws ConfigurationError QUEUE_NOT_LOCAL */
  constructor(entries: readonly FleetHost[], sshConfigFile: string | undefined) {
    this.hosts = entries.map((entry) => openFleetHost(entry, sshConfigFile));
  }

  /** Asks every host at the same time; who fails is among the failures and not in the answer. Who has failed before is not asked again. */
  async each<Answer>(ask: (host: OpenFleetHost) => Promise<Answer>): Promise<Answer[]> {
    const failed = new Set(this.failures.map(({ host }) => host));
    const hosts = this.hosts.filter(({ entry }) => !failed.has(entry.name));
    const answers = await Promise.all(hosts.map((host) => this.try(host, () => ask(host))));
    return answers.flatMap((answer) => (answer === undefined ? [] : [answer.value]));
  }

  /** @returns undefined where the host failed */
  async try<Answer>(host: OpenFleetHost, ask: () => Promise<Answer>): Promise<{ readonly value: Answer } | undefined> {
    try {
      return { value: await ask() };
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      this.failures.push({ host: host.entry.name, failure });
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.hosts.map((host) => host[Symbol.asyncDispose]()));
  }
}
