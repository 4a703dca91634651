import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { Failure, RetryableError, UnavailableError } from "../model/errors.ts";
import { jsonValueOf } from "../model/json-value.ts";
import { runScript } from "../queue/runner.ts";
import { shellWord } from "../queue/shell-words.ts";
import type { OpenFleetHost } from "./fleet-host.ts";

/** A hold as a file or a note has it. */
export const holdSchema = z.strictObject({
  group: z.string(),
  why: z.enum(["drained", "memory", "jobs_max"]),
  reason: z.string(),
  since: z.iso.datetime(),
});
/** A group of a host's queue that barkeep itself keeps from starting jobs. */
export type Hold = Readonly<z.infer<typeof holdSchema>>;

const wordSchema = z.strictObject({ isDrained: z.boolean(), since: z.iso.datetime() });
/** What an operator has said last of a host: drained, or open again. */
export type DrainWord = Readonly<z.infer<typeof wordSchema>>;

/** A host to which nothing is admitted, since when. */
export type Drain = Pick<DrainWord, "since">;

/** A stopped job as a file or a note has it. */
export const stoppedSchema = z.strictObject({
  /** `BTCUSDT@250:2024` */
  job: z.string(),
  label: z.string(),
  createdAt: z.string(),
  how: z.enum(["stop at commit", "kill"]),
  /** Since when it has been waiting for its turn, before it was stopped the first time. */
  waitingSinceMs: z.number(),
});
/** A job that was stopped to make room, until it has ended well. */
export type StoppedJob = Readonly<z.infer<typeof stoppedSchema>>;

const memorySchema = z.strictObject({
  version: z.literal(1),
  /** Also that it is open again: an older word that comes later is known by it. */
  word: wordSchema.optional(),
  /** A group of these that the queue does not call paused was let go by a person. */
  holds: z.array(holdSchema),
  stopped: z.array(stoppedSchema),
});

/**
 * What barkeep has said about a host and its queue: kept there, in one file of its directory that has the host's name in the fleet, so that whoever works with the host knows it:
 * commands typed on any machine, and the autoscaler that runs on the host itself.
 */
export interface HostMemory {
  readonly word: DrainWord | undefined;
  readonly holds: readonly Hold[];
  readonly stopped: readonly StoppedJob[];
}

/** Since when nothing is admitted to a host; undefined where it is open. */
export function drainOf({ word }: HostMemory): Drain | undefined {
  return word?.isDrained === true ? { since: word.since } : undefined;
}

/** As of a host of which nothing was ever said. */
export const nothingRemembered: HostMemory = { word: undefined, holds: [], stopped: [] };
/** Writers that come between are met seldom, and never so often. */
const triesMax = 20;

/**
 * Reads what is remembered of a host; nothing where there is no such file yet.
 * @throws UnavailableError HOST_MEMORY for a file that cannot be read or understood: it is never taken for an empty one; what the host throws
 */
export async function readHostMemory(fleetHost: OpenFleetHost): Promise<HostMemory> {
  return parseMemory(await readText(fleetHost), fleetHost);
}

/**
 * Changes what is remembered of a host. Of writers that come at the same time none undoes what another has written.
 * @param change is asked again where somebody else has written meanwhile
 * @returns what is remembered now
 * @throws as {@link readHostMemory}; RetryableError HOST_MEMORY_BUSY
 */
export async function changeHostMemory(
  fleetHost: OpenFleetHost,
  change: (memory: HostMemory) => HostMemory,
): Promise<HostMemory> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const before = await readText(fleetHost);
    const memory = change(parseMemory(before, fleetHost));
    const text = textOf(memory);
    if (text === (before ?? textOf(nothingRemembered)) || (await replaceText(fleetHost, before, text))) return memory;
  }
  throw busy(fleetHost);
}

function textOf({ word, holds, stopped }: HostMemory): string {
  return `${JSON.stringify({ version: 1, word, holds, stopped })}\n`;
}

/** Of an entry of the fleet, not of its directory: two queues of one machine, or hosts that share a home, may have the same one. */
function fileNameOf({ entry }: OpenFleetHost): string {
  return `host-memory.${entry.name}.json`;
}

function pathOf(fleetHost: OpenFleetHost): string {
  return join(fleetHost.entry.directory, fileNameOf(fleetHost));
}

async function readText(fleetHost: OpenFleetHost): Promise<string | undefined> {
  const { entry, host } = fleetHost;
  const path = pathOf(fleetHost);
  if (entry.sshAlias === undefined) {
    try {
      return (await host.readFile(path))?.toString("utf8");
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw unreadable(fleetHost, error instanceof Error ? error.message : String(error), error);
    }
  }
  // A session for files would take several times as many round trips.
  const file = shellWord(path);
  const { code, stdout, stderr } = await runScript(host, `[ -e ${file} ] || exit ${isMissing}\ncat ${file}`);
  if (code === isMissing) return undefined;
  if (code !== 0) throw unreadable(fleetHost, stderr.trim().slice(0, 300), undefined);
  return stdout;
}

/** What the script above ends with where there is no such file; `cat` does not. */
const isMissing = 44;

function unreadable(fleetHost: OpenFleetHost, why: string, cause: unknown): UnavailableError {
  const { name } = fleetHost.entry;
  const path = pathOf(fleetHost);
  return new UnavailableError(`what is remembered of ${name}, in ${path} there, cannot be read: ${why}`, {
    code: "HOST_MEMORY",
    subject: name,
    hint: `see that it is a file of the account that works there: ls -ld ${path}`,
    cause,
  });
}

function parseMemory(text: string | undefined, fleetHost: OpenFleetHost): HostMemory {
  if (text === undefined) return nothingRemembered;
  const { data, error } = memorySchema.safeParse(jsonValueOf(text));
  if (data !== undefined) return { word: data.word, holds: data.holds, stopped: data.stopped };
  const { name } = fleetHost.entry;
  const path = pathOf(fleetHost);
  throw new UnavailableError(
    `what is remembered of ${name}, in ${path} there, cannot be understood: ${text.slice(0, 80).trim()}`,
    {
      code: "HOST_MEMORY",
      subject: name,
      hint: `another release of barkeep wrote it, or it is damaged: use the same release here and there, or look at it and remove it, which forgets what is drained, held and stopped`,
      cause: error,
    },
  );
}

/** What the script below ends with where somebody else has written meanwhile, or does not come to an end. */
const isOther = 76;
const isBusy = 75;

/** Of a tenth of a second each: how long a writer waits for others, and how long for one that does not come to an end. */
const waitsMax = 150;
const waitsUnchanged = 100;

/**
 * Puts a text in the place of the one that was read, whole and on the disk, 0600. A folder stands for the right to compare and replace: making it is one
 * step everywhere, and in it is the name of who has it. Who was killed with it holds nobody up for long: it is broken where it is old by the host's clock,
 * and, as that may have been set back, where a waiter has itself seen the same one for ten seconds. Who has lost it replaces nothing.
 * @returns false where the file is another one by now
 */
async function replaceText(fleetHost: OpenFleetHost, before: string | undefined, text: string): Promise<boolean> {
  const { entry, host } = fleetHost;
  const fileName = fileNameOf(fleetHost);
  const name = randomBytes(6).toString("hex");
  const next = shellWord(`${fileName}.${name}.tmp`);
  const lock = shellWord(`${fileName}.lock`);
  const own = shellWord(`${fileName}.lock/${name}`);
  const broken = shellWord(`${fileName}.lock.${name}`);
  const file = shellWord(fileName);
  const { code, stderr } = await runScript(
    host,
    `mkdir -p -- ${shellWord(entry.directory)} && cd -- ${shellWord(entry.directory)} || exit 1
umask 077
trap 'rm -f ${next}' EXIT
trap 'exit 1' HUP INT TERM
printf %s ${shellWord(text)} >${next} || exit 1
sync ${next} 2>/dev/null
waits=0 seen= seen_at=0
until mkdir ${lock} 2>/dev/null; do
  waits=$((waits + 1))
  [ "$waits" -le ${waitsMax} ] || exit ${isBusy}
  now="$(ls -di ${lock} 2>/dev/null) $(ls ${lock} 2>/dev/null)"
  [ "$now" = "$seen" ] || { seen=$now; seen_at=$waits; }
  if [ $((waits - seen_at)) -ge ${waitsUnchanged} ] || [ -n "$(find ${lock} -prune -mmin +1 2>/dev/null)" ]; then
    mv ${lock} ${broken} 2>/dev/null && rm -rf ${broken}
  fi
  sleep 0.1
done
trap 'rm -f ${next}; rmdir ${own} 2>/dev/null && rmdir ${lock}' EXIT
mkdir ${own} || exit ${isOther}
[ "$(cat ${file} 2>/dev/null; echo .)" = ${shellWord(`${before ?? ""}.`)} ] || exit ${isOther}
[ -d ${own} ] || exit ${isOther}
mv -f ${next} ${file} || exit 1`,
  );
  if (code === 0) return true;
  if (code === isOther) return false;
  if (code === isBusy) throw busy(fleetHost);
  throw new UnavailableError(
    `what is to be remembered of ${entry.name} cannot be written there: ${stderr.trim().slice(0, 300)}`,
    {
      code: "HOST_WRITE",
      subject: entry.name,
      hint: `look at its disk and at the permissions of ${entry.directory}: barkeep doctor --host ${entry.name}`,
    },
  );
}

function busy(fleetHost: OpenFleetHost): RetryableError {
  const { name } = fleetHost.entry;
  return new RetryableError(`others write ${pathOf(fleetHost)} on ${name} all the time`, {
    code: "HOST_MEMORY_BUSY",
    subject: name,
    hint: "the same command again; one that was killed there holds it for ten seconds",
  });
}
