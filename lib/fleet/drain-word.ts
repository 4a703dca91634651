import { z } from "zod";
import type { Ledger } from "../ledger/index.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { changeHostMemory, readHostMemory, type HostMemory } from "./host-memory.ts";
import { forgetOlderNotes, readOlderNotes, withOlderNotes } from "./older-notes.ts";

const wordSchema = z.union([
  z.strictObject({ version: z.literal(2), isDrained: z.boolean(), since: z.iso.datetime() }),
  // Before the host itself kept it, a note stood for as long as the host was drained.
  z.strictObject({ version: z.literal(1), since: z.iso.datetime() }).transform(({ since }) => {
    return { isDrained: true, since };
  }),
]);
/** What an operator has said of a host, until the host knows it: one that does not answer is drained all the same. */
export type DrainWord = Readonly<Pick<z.output<typeof wordSchema>, "isDrained" | "since">>;

const note = "drained";

/** The last word about a host that it does not know yet. */
export function untoldWord({ hostNotes }: Ledger, host: string): DrainWord | undefined {
  return hostNotes.get(host, note, wordSchema);
}

/** Keeps a word in the ledger until {@link tellHost} or another command has brought it to the host. */
export function keepWord({ hostNotes }: Ledger, host: string, { isDrained, since }: DrainWord): void {
  hostNotes.put(host, note, { version: 2, isDrained, since });
}

/** What holds of a host, a word that it does not know yet included. Changes nothing. @throws as `readHostMemory` */
export async function memoryOf(fleetHost: OpenFleetHost, ledger: Ledger | undefined): Promise<HostMemory> {
  const memory = await readHostMemory(fleetHost);
  const word = ledger === undefined ? undefined : untoldWord(ledger, fleetHost.entry.name);
  return word === undefined ? memory : withWord(memory, word);
}

/**
 * The same, and the host knows it then: also what an older release had noted in the ledger of its groups and jobs.
 * @throws as `changeHostMemory`; where there are such notes, what the queue throws
 */
export async function tellHost(fleetHost: OpenFleetHost, ledger: Ledger): Promise<HostMemory> {
  const { name } = fleetHost.entry;
  const word = untoldWord(ledger, name);
  const older = readOlderNotes(ledger, name);
  if (word === undefined && older === undefined) return readHostMemory(fleetHost);
  const groups = older === undefined ? [] : (await fleetHost.queue.poll()).groups;
  const memory = await changeHostMemory(fleetHost, (before) => {
    const known = older === undefined ? before : withOlderNotes(before, older, groups);
    return word === undefined ? known : withWord(known, word);
  });
  ledger.transaction(() => {
    if (older !== undefined) forgetOlderNotes(ledger, name);
    // Somebody may have said something else meanwhile.
    if (word !== undefined && untoldWord(ledger, name)?.since === word.since) ledger.hostNotes.remove(name, note);
  });
  return memory;
}

function withWord(memory: HostMemory, { isDrained, since }: DrainWord): HostMemory {
  if (isDrained === (memory.drain !== undefined)) return memory;
  return { ...memory, drain: isDrained ? { since } : undefined };
}
