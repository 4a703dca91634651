import { join } from "node:path";
import type { FleetHost } from "../config/index.ts";
import { jobFolder } from "../queue/job-files.ts";
import { putFilesFailure, putFilesScript } from "../queue/put-files.ts";
import { runScript } from "../queue/runner.ts";
import { shellWord } from "../queue/shell-words.ts";
import type { OpenFleetHost } from "./fleet-host.ts";

/** Its name in an attempt's folder. */
export const cancelNoteName = "cancelled.json";

/** What a person said of an attempt that is not wanted any more. */
export interface CancelNote {
  readonly version: 1;
  readonly how: "stop" | "kill";
  readonly at: string;
}

/** The file on a host that says that a person has cancelled an attempt: in the attempt's folder, until its label is queued anew. */
export function cancelNotePath({ entry }: { readonly entry: Pick<FleetHost, "directory"> }, label: string): string {
  return join(jobFolder(entry.directory, label), cancelNoteName);
}

/**
 * Leaves a note with attempts that a person cancels, before they are ended: the ledger is this machine's, and whoever else works with the host
 * must not queue again what is not wanted.
 * @throws UnavailableError HOST_WRITE; what the host throws
 */
export async function leaveCancelNotes(
  fleetHost: OpenFleetHost,
  labels: readonly string[],
  note: CancelNote,
): Promise<void> {
  const text = `${JSON.stringify(note)}\n`;
  const files = labels.map((label) => ({ path: cancelNotePath(fleetHost, label), text }));
  const outcome = await runScript(fleetHost.host, putFilesScript([{ files }]).join("\n"));
  const failure = putFilesFailure(outcome, fleetHost.entry.name);
  if (failure !== undefined) throw failure;
}

/** Has a person cancelled an attempt? Whatever the note says, cut short or of another release: that it is there is the answer. */
export async function isCancelled(fleetHost: OpenFleetHost, label: string): Promise<boolean> {
  const { code } = await runScript(fleetHost.host, `[ -e ${shellWord(cancelNotePath(fleetHost, label))} ]`);
  return code === 0;
}
