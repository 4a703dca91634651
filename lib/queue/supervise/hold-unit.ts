import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ensureFolder } from "../../files/folders.ts";
import { writeWhole } from "../../files/write-whole.ts";
import { RefusedError } from "../../model/errors.ts";
import { processStart } from "../../store/embedded/process-identity.ts";
import type { RunRecord } from "../job-files.ts";

/** A unit that only this process may run on this host, until it is released or the process and its worker are gone. */
export interface UnitHold {
  /** Puts the record anew on file, once the worker's process is known. */
  update(record: RunRecord): void;
  release(): void;
}

const tries = 4;

/**
 * Takes a unit for this process. Each contender writes a file of its own, whose name no other process can have, and only then
 * looks for others: of two, at least one sees the other. A file is removed by its owner, or by anyone once its owner is dead; there
 * is no shared file to take over, so nobody can remove the wrong one. Two that start in the same instant may both see each other: both
 * step back and try again after a random while.
 * @throws RefusedError UNIT_RUNNING
 */
export async function holdUnit(folder: string, record: RunRecord): Promise<UnitHold> {
  ensureFolder(folder, 0o700);
  const file = `${record.unit}~${record.pid}-${record.processStart.replace(/[^A-Za-z0-9]/g, "")}.json`;
  const path = join(folder, file);
  for (let attempt = 1; ; attempt += 1) {
    writeWhole(path, `${JSON.stringify(record)}\n`);
    const other = await liveHolder(folder, record.unit, record.host, file);
    if (other === undefined) break;
    rmSync(path, { force: true });
    if (other.workerPid !== undefined || attempt === tries) throw unitRunning(other);
    await delay(20 + Math.random() * 100);
  }
  return {
    update: (changed) => writeWhole(path, `${JSON.stringify(changed)}\n`),
    release: () => rmSync(path, { force: true }),
  };
}

/**
 * Who holds a unit on this host now. Files of the dead are removed on the way.
 * @param except a file that does not count, one's own
 */
export async function liveHolder(
  folder: string,
  unit: string,
  host: string,
  except?: string,
): Promise<RunRecord | undefined> {
  if (!existsSync(folder)) return undefined;
  for (const file of readdirSync(folder)) {
    if (!file.startsWith(`${unit}~`) || !file.endsWith(".json") || file === except) continue;
    const other = await readRecord(join(folder, file));
    // A folder on a shared file system: what runs elsewhere is the lease's business, and cannot be seen from here.
    if (other === undefined || other.host !== host) continue;
    if (isAlive(other)) return other;
    rmSync(join(folder, file), { force: true });
  }
  return undefined;
}

/** The worker counts by itself: it may outlive a supervisor that was killed. */
function isAlive(record: RunRecord): boolean {
  const { workerPid, workerStart } = record;
  return (
    processStart(record.pid) === record.processStart ||
    (workerPid !== undefined && workerStart !== undefined && processStart(workerPid) === workerStart)
  );
}

/**
 * undefined when its owner has just removed it. The schema is loaded here only: most jobs find nobody else's file, and it takes
 * longer to load than all the rest.
 */
async function readRecord(path: string): Promise<RunRecord | undefined> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const { runRecordSchema } = await import("../job-files.ts");
  const { data, error } = runRecordSchema.safeParse(JSON.parse(text));
  if (data !== undefined) return data;
  throw new RefusedError(`cannot tell who runs the unit: ${path} is of another version`, {
    code: "UNIT_UNREADABLE",
    subject: path,
    hint: "another release of barkeep wrote it: wait until that job has ended, then remove the file",
    cause: error,
  });
}

function unitRunning(other: RunRecord): RefusedError {
  return new RefusedError(
    `${other.unit} runs here already: ${other.label}, process ${other.pid}, since ${other.startedAt}`,
    {
      code: "UNIT_RUNNING",
      subject: other.unit,
      hint: `wait until it ends, or stop it: kill -TERM ${other.pid}`,
    },
  );
}
