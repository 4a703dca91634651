import type { Ledger } from "../ledger/index.ts";
import { RefusedError } from "../model/errors.ts";
import { memoryOf, tellHost } from "./drain-word.ts";
import { drainOf } from "./host-memory.ts";
import type { OpenHosts } from "./open-hosts.ts";

/**
 * The hosts that jobs may be queued on, by name. One that does not say whether it is drained is among the failures of {@link OpenHosts},
 * and not one of them.
 * @param isPlan look, and change nothing: else a word that a host does not know yet is brought to it
 * @param note says which are left out
 * @throws RefusedError HOST_DRAINED where every host is drained
 */
export async function undrainedHosts(
  hosts: OpenHosts,
  ledger: Ledger,
  isPlan: boolean,
  note: (line: string) => void,
): Promise<ReadonlySet<string>> {
  const answers = await hosts.each(async (fleetHost) => {
    const memory = await (isPlan ? memoryOf(fleetHost, ledger) : tellHost(fleetHost, ledger, note));
    return { name: fleetHost.entry.name, isDrained: drainOf(memory) !== undefined };
  });
  const drained = answers.filter(({ isDrained }) => isDrained).map(({ name }) => name);
  if (drained.length > 0 && drained.length === hosts.hosts.length) {
    throw hostsDrained(drained);
  }
  for (const name of drained) note(`${name}: left out, it is drained; barkeep undrain ${name} opens it again`);
  return new Set(answers.filter(({ isDrained }) => !isDrained).map(({ name }) => name));
}

export function hostsDrained(names: readonly string[]): RefusedError {
  return new RefusedError(`${names.join(", ")} ${names.length === 1 ? "is" : "are"} drained: nothing is queued there`, {
    code: "HOST_DRAINED",
    subject: names.join(", "),
    hint: `barkeep undrain ${names.join(" ")}`,
  });
}
