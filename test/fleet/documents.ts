import assert from "node:assert/strict";
import { z } from "zod";
import { eventually } from "../queue/tasks.ts";
import type { FleetRig } from "../rig/fleet.ts";

const jobSchema = z.object({
  job: z.string(),
  group: z.string(),
  attempt: z.number(),
  label: z.string(),
  created_at: z.string(),
  state: z.enum(["waiting", "running", "stopped", "done", "partial", "failed"]),
  queue_state: z.string(),
  days_done: z.number().nullable(),
  resident_bytes: z.number().nullable(),
  code: z.string().nullable(),
  text: z.string(),
  fix: z.string().nullable(),
});
export type StatusJob = z.infer<typeof jobSchema>;
const statusSchema = z.object({
  version: z.literal(1),
  hosts: z.array(
    z.object({
      host: z.string(),
      load: z.number().nullable(),
      available_bytes: z.number().nullable(),
      groups: z.array(
        z.object({
          group: z.string(),
          status: z.string(),
          parallel: z.union([z.number(), z.literal("unlimited")]),
          running: z.number(),
          waiting: z.number(),
        }),
      ),
      jobs: z.array(jobSchema),
    }),
  ),
});

/** What `status --host … --json` says. */
export async function statusOf(
  rig: FleetRig,
  ...hosts: readonly string[]
): Promise<z.infer<typeof statusSchema>["hosts"]> {
  const words = hosts.flatMap((host) => ["--host", host]);
  const { stdout, stderr } = await rig.barkeep("status", ...words, "--json");
  assert.notEqual(stdout, "", stderr);
  return statusSchema.parse(JSON.parse(stdout)).hosts;
}

/** A job of a host once it is in a state. */
export async function jobIn(
  rig: FleetRig,
  host: string,
  job: string,
  ...states: readonly string[]
): Promise<StatusJob> {
  const isMeant = (one: { readonly job: string; readonly state: string }): boolean =>
    one.job === job && states.includes(one.state);
  return eventually(`${job} ${states.join(" or ")}`, async () => {
    if (!(await rig.look(host)).some(isMeant)) return undefined;
    const [view] = await statusOf(rig, host);
    return view?.jobs.find(isMeant);
  });
}
