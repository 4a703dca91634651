import { join } from "node:path";
import { z } from "zod";
import { exitCodes } from "../model/exit-codes.ts";
import { jobFolder } from "../queue/job-files.ts";
import { putFilesFailure, putFilesScript } from "../queue/put-files.ts";
import type { Whereabouts } from "../queue/reconcile.ts";
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

/** Its name in a job's folder. */
export const stopNoteName = "stopped.json";

/** Leaves a note with an attempt, before it is ended. @throws UnavailableError HOST_WRITE; what the host throws */
export async function leaveStopNote({ host, entry }: OpenFleetHost, label: string, note: StopNote): Promise<void> {
  const path = join(jobFolder(entry.directory, label), stopNoteName);
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
      const { outcome, exitCode } = where.result;
      if (outcome === "exited") return exitCode === exitCodes.interrupted;
      return outcome === "signalled" || outcome === "not-started";
    }
    default:
      return where satisfies never;
  }
}
