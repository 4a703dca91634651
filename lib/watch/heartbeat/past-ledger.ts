import { existsSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { ProcessEnvironment, Settings } from "../../config/index.ts";
import type { Message } from "../../ledger/index.ts";
import type { Failure } from "../../model/errors.ts";
import { openChannels, type ChannelKeeper } from "../../notify/open-channels.ts";
import { ledgerFinding } from "../findings.ts";
import { findingKinds, runbookOf } from "../kinds.ts";

/** Without a ledger nobody knows what was said: the time of a file's last change does. */
const againAfterMs = 3_600_000;

/**
 * Says past the ledger that it cannot be used, at most once an hour, and tells the dead-man's switch that nobody could look.
 * @returns what went wrong with that
 */
export async function sayPastLedger(
  failure: Failure,
  settings: Settings,
  env: ProcessEnvironment,
  print: (line: string) => void,
): Promise<string[]> {
  const { channels, ping } = openChannels(settings, env, noLedger, print);
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
  rmSync(markOf(stateDirectory), { force: true });
}

function markOf(stateDirectory: string): string {
  return join(stateDirectory, "ledger-unreadable.said");
}

function wasSaid(stateDirectory: string): boolean {
  const mark = markOf(stateDirectory);
  return existsSync(mark) && Math.abs(Date.now() - statSync(mark).mtimeMs) < againAfterMs;
}

function markSaid(stateDirectory: string): void {
  const mark = markOf(stateDirectory);
  writeFileSync(mark, "");
  utimesSync(mark, new Date(), new Date());
}

/** Stands in for the ledger. */
const noLedger: ChannelKeeper = {
  deliveries: { channel: () => ({ movedTo: undefined }), move: () => undefined },
  incidents: { byId: () => undefined },
};
