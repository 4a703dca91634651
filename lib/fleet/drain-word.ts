import { z } from "zod";
import type { Ledger } from "../ledger/index.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { changeHostMemory, readHostMemory, type DrainWord, type HostMemory } from "./host-memory.ts";
import { forgetOlderNotes, readOlderNotes, withOlderNotes } from "./older-notes.ts";

const wordSchema = z.union([
  z.strictObject({ version: z.literal(2), isDrained: z.boolean(), since: z.iso.datetime() }),
  // Before the host itself kept it, a note stood for as long as the host was drained.
  z.strictObject({ version: z.literal(1), since: z.iso.datetime() }).transform(({ since }) => {
    return { isDrained: true, since };
  }),
]);
const note = "drained";

/** What was last said of a host here that it does not know yet: one that does not answer is drained all the same. */
export function untoldWord({ hostNotes }: Ledger, host: string): DrainWord | undefined {
  const found = hostNotes.get(host, note, wordSchema);
  return found === undefined ? undefined : { isDrained: found.isDrained, since: found.since };
}

/** Keeps a word in the ledger until {@link tellHost} or another command has brought it to the host. */
export function keepWord({ hostNotes }: Ledger, host: string, { isDrained, since }: DrainWord): void {
  hostNotes.put(host, note, { version: 2, isDrained, since });
}

/** What holds of a host, a newer word that it does not know yet included. Changes nothing. @throws as `readHostMemory` */
export async function memoryOf(fleetHost: OpenFleetHost, ledger: Ledger | undefined): Promise<HostMemory> {
  const memory = await readHostMemory(fleetHost);
  const word = ledger === undefined ? undefined : untoldWord(ledger, fleetHost.entry.name);
  return word === undefined ? memory : withWord(memory, word);
}

/**
 * The same, and the host knows it then: also what an older release had noted in the ledger of its groups and jobs. A word that is older
 * than what the host was told last, by whomever, is dropped.
 * @param say that one was dropped
 * @throws as `changeHostMemory`; where there are such notes, what the queue throws
 */
export async function tellHost(
  fleetHost: OpenFleetHost,
  ledger: Ledger,
  say: (line: string) => void,
): Promise<HostMemory> {
  const { name } = fleetHost.entry;
  const older = readOlderNotes(ledger, name);
  if (older === undefined && untoldWord(ledger, name) === undefined) return readHostMemory(fleetHost);
  const groups = older === undefined ? [] : (await fleetHost.queue.poll()).groups;
  let told: DrainWord | undefined;
  const memory = await changeHostMemory(fleetHost, (before) => {
    const known = older === undefined ? before : withOlderNotes(before, older, groups);
    // As it is now: another command may have told the host meanwhile, or somebody may have said something else.
    told = untoldWord(ledger, name);
    return told === undefined ? known : withWord(known, told);
  });
  const word = told;
  const dropped = word === undefined || isSame(memory.word, word) ? undefined : memory.word;
  ledger.transaction(() => {
    if (older !== undefined) forgetOlderNotes(ledger, name, older);
    // What was said meanwhile is another word.
    if (word !== undefined && isSame(untoldWord(ledger, name), word)) ledger.hostNotes.remove(name, note);
    if (dropped !== undefined) ledger.journal.record("host.word-dropped", name, { word, newer: dropped });
  });
  if (word !== undefined && dropped !== undefined) say(droppedText(name, word, dropped));
  return memory;
}

function isNewer(one: DrainWord, other: DrainWord): boolean {
  return Date.parse(one.since) > Date.parse(other.since);
}

function isSame(one: DrainWord | undefined, other: DrainWord): boolean {
  return one?.isDrained === other.isDrained && one.since === other.since;
}

function withWord(memory: HostMemory, word: DrainWord): HostMemory {
  return memory.word === undefined || isNewer(word, memory.word) ? { ...memory, word } : memory;
}

function droppedText(name: string, word: DrainWord, newer: DrainWord): string {
  const verb = word.isDrained ? "drain" : "undrain";
  const is = newer.isDrained ? "drained" : "opened";
  return `${name}: the ${verb} of ${word.since}, which it could not be told then, is dropped: it was ${is} at ${newer.since}; barkeep ${verb} ${name} says it anew`;
}
