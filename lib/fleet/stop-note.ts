import { join } from "node:path";
import { z } from "zod";
import { exitCodes } from "../model/exit-codes.ts";
import { jobFolder } from "../queue/job-files.ts";
import { putFilesFailure, putFilesScript } from "../queue/put-files.ts";
import type { Whereabouts } from "../queue/reconcile.ts";
import { stopNoteName } from "../queue/stop-note-name.ts";
import { runScript } from "../queue/runner.ts";
import type { OpenFleetHost } from "./fleet-host.ts";

/** Why an attempt was ended on purpose, in its job's folder: how it ended is not the job's fault then, nor its host's. */
export const stopNoteSchema = z.strictObject({
  version: z.literal(1),
  how: z.enum(["stop at commit", "kill"]),
  reason: z.string(),
  at: z.iso.datetime(),
});
export type StopNote = Readonly<z.infer<typeof stopNoteSchema>>;

/** Where it is, by its label. */
export function stopNotePath(directory: string, label: string): string {
  return join(jobFolder(directory, label), stopNoteName);
}

/** What a stop and a kill send. */
const sent: ReadonlySet<string | undefined> = new Set(["SIGTERM", "SIGKILL"]);

/** Leaves a note with an attempt, before it is ended. @throws UnavailableError HOST_WRITE; what the host throws */
export async function leaveStopNote({ host, entry }: OpenFleetHost, label: string, note: StopNote): Promise<void> {
  const path = stopNotePath(entry.directory, label);
  const files = [{ path, text: `${JSON.stringify(note)}\n` }];
  const outcome = await runScript(host, putFilesScript([{ files }]).join("\n"));
  const failure = putFilesFailure(outcome, entry.name);
  if (failure !== undefined) throw failure;
}

/** Did an attempt end because it was stopped to make room, and not of something else before it was? */
export function endedByStop(where: Whereabouts, note: StopNote | undefined): boolean {
  if (note === undefined) return false;
  switch (where.kind) {
    case "waiting":
    case "running":
      return false;
    case "lost":
    case "not-started":
      return true;
    case "finished": {
      const { outcome, exitCode, signal } = where.result;
      if (outcome === "exited") return exitCode === exitCodes.interrupted;
      // Any other signal is a crash, and a worker that was not started without one is a program that is not there.
      return (outcome === "signalled" || outcome === "not-started") && sent.has(signal);
    }
    default:
      return where satisfies never;
  }
}
