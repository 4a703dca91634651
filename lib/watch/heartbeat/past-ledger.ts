import { createHash } from "node:crypto";
import { lstatSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ProcessEnvironment, Settings } from "../../config/index.ts";
import type { Message } from "../../ledger/index.ts";
import type { Failure } from "../../model/errors.ts";
import { noLedger, openChannels } from "../../notify/open-channels.ts";
import { ledgerFinding } from "../findings.ts";
import { findingKinds, runbookOf } from "../kinds.ts";

/** Without a ledger nobody knows what was said: the time of a file's last change does. */
const againAfterMs = 3_600_000;

/** When this process said it, by state directory and the clock that only goes forward: for a machine on which no file can be written. */
const saidAtMs = new Map<string, number>();

/**
 * Says past the ledger that it cannot be used, at most once an hour, and tells the dead-man's switch that nobody could look.
 * @param pingRun of the pass that could not use it
 * @returns what went wrong with that
 */
export async function sayPastLedger(
  failure: Failure,
  settings: Settings,
  env: ProcessEnvironment,
  print: (line: string) => void,
  pingRun: string,
): Promise<string[]> {
  const { channels, ping } = openChannels(settings, env, noLedger, print, pingRun);
  const problems: string[] = [];
  const { summary } = ledgerFinding(failure);
  const pinged = await ping?.fail(summary);
  if (pinged !== undefined) problems.push(pinged);
  if (channels.length === 0 || wasSaid(settings.stateDirectory)) return problems;
  const { title } = findingKinds["ledger-unreadable"];
  const message: Message = {
    id: 0,
    fingerprint: "ledger-unreadable ledger",
    severity: "critical",
    kind: "alert",
    createdMs: Date.now(),
    text: `🔴 ${title} on ${hostname()}\n${summary}\n${failure.hint ?? ""}\n${runbookOf("ledger-unreadable")}`,
    incidents: [],
    lastsMs: undefined,
  };
  for (const channel of channels.filter((one) => one.takes(message))) {
    const outcome = await channel.send(message, false);
    if (outcome.result === "sent") markSaid(settings.stateDirectory);
    else problems.push(`${channel.name}: ${outcome.reason}`);
  }
  return problems;
}

/** The ledger can be used again: the next time is said at once. */
export function forgetPastLedger(stateDirectory: string): void {
  saidAtMs.delete(resolve(stateDirectory));
  for (const mark of marksOf(stateDirectory)) removeMark(mark);
}

/** In the state directory; where that cannot be written, which may be what is wrong with the ledger, in the system's folder for such things. */
function marksOf(stateDirectory: string): string[] {
  const path = resolve(stateDirectory);
  const name = createHash("sha256").update(path).digest("hex").slice(0, 16);
  return [join(path, "ledger-unreadable.said"), join(tmpdir(), `barkeep-${name}-ledger-unreadable.said`)];
}

function wasSaid(stateDirectory: string): boolean {
  const saidMs = saidAtMs.get(resolve(stateDirectory));
  if (saidMs !== undefined && performance.now() - saidMs < againAfterMs) return true;
  return marksOf(stateDirectory).some((mark) => Math.abs(Date.now() - (markedMs(mark) ?? 0)) < againAfterMs);
}

function markSaid(stateDirectory: string): void {
  saidAtMs.set(resolve(stateDirectory), performance.now());
  marksOf(stateDirectory).some((mark) => removeMark(mark) && writeMark(mark));
}

/** Another account may write to the temporary folder, too: its files say nothing. */
function markedMs(mark: string): number | undefined {
  try {
    const { mtimeMs, uid } = lstatSync(mark);
    return uid === process.geteuid?.() ? mtimeMs : undefined;
  } catch {
    return undefined;
  }
}

/** @returns false where it cannot be removed */
function removeMark(mark: string): boolean {
  try {
    rmSync(mark, { force: true });
    return true;
  } catch {
    return false;
  }
}

/** @returns false where it cannot be written */
function writeMark(mark: string): boolean {
  try {
    // Never through a link that somebody has put there.
    writeFileSync(mark, "", { flag: "wx" });
    utimesSync(mark, new Date(), new Date());
    return true;
  } catch {
    return false;
  }
}
