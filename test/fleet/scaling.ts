import assert from "node:assert/strict";
import { z } from "zod";
import { barkeep } from "../ops/run.ts";
import type { FleetRig } from "../rig/fleet.ts";

const documentSchema = z.object({
  version: z.literal(1),
  decisions: z.array(
    z.object({
      host: z.string(),
      verdict: z.string(),
      reason: z.string(),
      admitting: z.boolean(),
      actions: z.array(z.object({ action: z.string(), group: z.string().optional(), unit: z.string().optional() })),
      groups: z.array(
        z.object({ group: z.string(), from: z.unknown(), to: z.number().nullable(), reason: z.string() }),
      ),
      requeued: z.array(z.string()),
      not_requeued: z.array(z.object({ job: z.string(), reason: z.string() })),
    }),
  ),
});
type ScalerDecision = z.infer<typeof documentSchema>["decisions"][number];

/** What `autoscale … --json` decides. */
export async function decisionsOf(rig: FleetRig, code: number, ...words: readonly string[]): Promise<ScalerDecision[]> {
  return decisionsIn(rig.env, code, ...words);
}

/** The same where it is asked with another environment than the operator's. */
export async function decisionsIn(
  env: Record<string, string>,
  code: number,
  ...words: readonly string[]
): Promise<ScalerDecision[]> {
  const outcome = await barkeep(["autoscale", ...words, "--json"], env);
  assert.equal(outcome.code, code, outcome.stdout + outcome.stderr);
  return documentSchema.parse(JSON.parse(outcome.stdout)).decisions;
}

const groupsSchema = z.record(z.string(), z.object({ status: z.string(), parallel_tasks: z.number() }));

/** How many tasks of a group pueue runs at once. */
export async function parallelOf(rig: FleetRig, host: string, group: string): Promise<number | undefined> {
  const groups = groupsSchema.parse(JSON.parse(await rig.host(host).daemon.pueue("group", "--json")));
  return groups[group]?.parallel_tasks;
}

/** Whether pueue starts tasks of a group. */
export async function statusOfGroup(rig: FleetRig, host: string, group: string): Promise<string | undefined> {
  const groups = groupsSchema.parse(JSON.parse(await rig.host(host).daemon.pueue("group", "--json")));
  return groups[group]?.status;
}

/** A task with a job's name that does nothing for as long as the test takes, and may hold 100 MB. @returns its number */
export async function waitingTask(rig: FleetRig, host: string, group: string, job: string): Promise<string> {
  const command = "exec sleep 3600 # --memory-max 100000000";
  const words = ["add", "--print-task-id", `--group=${group}`, `--label=${job}#1~0f`, "--", command];
  return rig.host(host).daemon.pueue(...words);
}
