import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { processStart } from "./process-identity.ts";

/** Files of a state directory are written beside their place under the writer's pid, and moved there whole. */
const beside = /\.(\d+)\.(?:tmp|old)$/;
/** A process of another host may be at it, whose pid says nothing here: what is moved at all is moved at once. */
const abandonedMs = 60_000;

/** Removes what processes that were killed wrote beside its place; an owner's file holds its password. */
export function sweepLeftBehind(stateDirectory: string, nowMs = Date.now()): void {
  for (const name of readdirSync(stateDirectory)) {
    const pid = beside.exec(name)?.[1];
    if (pid === undefined || processStart(Number(pid)) !== undefined) continue;
    const path = join(stateDirectory, name);
    const writtenMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (writtenMs !== undefined && nowMs - writtenMs > abandonedMs) rmSync(path, { force: true });
  }
}
