import { z } from "zod";
import { serviceNames } from "../model/services.ts";
import { thresholdDbpsMax, thresholdDbpsMin } from "../model/series.ts";

export const queueKinds = ["pueue", "slurm", "local"] as const;
/** What runs a host's jobs. */
export type QueueKind = (typeof queueKinds)[number];

/** What `ssh` is for this machine. */
export const thisMachine = "local";

const threshold = z
  .int({ error: "must be a whole number of dbps" })
  .min(thresholdDbpsMin, { error: `must be ${thresholdDbpsMin} … ${thresholdDbpsMax} dbps` })
  .max(thresholdDbpsMax, { error: `must be ${thresholdDbpsMin} … ${thresholdDbpsMax} dbps` });

function countOf(what: string): z.ZodNumber {
  return z.int({ error: `must be a whole number of ${what}` }).positive({ error: `must be at least 1 of ${what}` });
}

const storeUrl = z
  .string({ error: "must be a text such as http://localhost:8123" })
  .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text), {
    error: "must be an http(s) URL such as http://localhost:8123",
  })
  .refine((text) => !URL.canParse(text) || (new URL(text).password === "" && new URL(text).username === ""), {
    error: "must hold no user or password: those are CLICKHOUSE_USER and CLICKHOUSE_PASSWORD",
  })
  .transform((text) => text.replace(/\/+$/, ""));

const hostEntry = z
  .strictObject({
    ssh: z
      .string({ error: 'must be a Host of the SSH configuration, or "local"' })
      .regex(/^[^\s-]\S*$/, { error: 'must be a Host of the SSH configuration, or "local"' }),
    directory: z.string({ error: "must be a folder's path" }).min(1, { error: "must not be empty" }),
    queue: z.enum(queueKinds, { error: `must be one of ${queueKinds.join(", ")}` }),
    memory_mb: countOf("megabytes"),
    jobs_max: countOf("jobs"),
    store_url: storeUrl.optional(),
    thresholds: z
      .array(threshold, { error: "must be a list of thresholds in dbps" })
      .min(1, { error: "must not be empty; leave it out to take every threshold" })
      .optional(),
    services: z
      .array(z.enum(serviceNames, { error: `must be of ${serviceNames.join(", ")}` }), {
        error: "must be a list of services",
      })
      .optional(),
  })
  .refine((entry) => entry.ssh === thisMachine || entry.directory.startsWith("/"), {
    error: "must be absolute on a remote host; ~ and variables are not read",
    path: ["directory"],
  })
  .refine((entry) => entry.ssh === thisMachine || entry.store_url !== undefined, {
    error: "is remote, so store_url must be given: the ClickHouse server as seen from there",
    path: ["ssh"],
  });

export const fleetSchema = z.strictObject({
  hosts: z.record(
    z.string().regex(/^[a-z0-9][a-z0-9_-]*$/, "is not a host's name: small letters, digits, _ and -"),
    hostEntry,
  ),
});
