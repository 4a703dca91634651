import { z } from "zod";
import type { FleetHost, Settings } from "../config/index.ts";
import { readPlanDocument, type PlanDocument } from "../datasets/range/plan-document.ts";
import { ConfigurationError } from "../model/errors.ts";
import { readSettingsSnapshot, settingsSnapshot, type SettingsSnapshot } from "../queue/settings-snapshot.ts";
import type { FleetJob } from "./jobs.ts";

const storeSchema = z.strictObject({
  url: z.string(),
  user: z.string().nullable(),
  password: z.string().nullable(),
});

const snapshotSchema = z.strictObject({
  version: z.literal(1),
  /** Where the worker keeps its ledger and fetched archives, absolute. */
  state_directory: z.string().startsWith("/"),
  /** As seen from the host; null is the embedded engine in the state directory. */
  store: storeSchema.nullable(),
  /** What is to be done: see `planDocumentOf`. */
  plan: z.record(z.string(), z.unknown()),
});

/** What a worker works by. */
export interface JobSettings {
  readonly plan: PlanDocument;
  readonly settings: Pick<
    Settings,
    "stateDirectory" | "storeUrl" | "storeUser" | "storePassword" | "archive" | "segmentation"
  >;
}

/** Where a host's workers keep what they know beside the store. This machine's share the operator's own. */
export function stateDirectoryOn(host: FleetHost, settings: Pick<Settings, "stateDirectory">): string {
  return host.sshAlias === undefined ? settings.stateDirectory : host.directory;
}

/** Everything a job works by: its plan, and the store as its host sees it. */
export function jobSnapshot(job: FleetJob, host: FleetHost, settings: Settings): SettingsSnapshot {
  const url = host.storeUrl ?? settings.storeUrl;
  return settingsSnapshot({
    version: 1,
    state_directory: stateDirectoryOn(host, settings),
    store:
      url === undefined ? null : { url, user: settings.storeUser ?? null, password: settings.storePassword ?? null },
    plan: job.document,
  });
}

/**
 * Reads a job's snapshot back.
 * @param hash the label's
 * @throws ConfigurationError SETTINGS_SNAPSHOT where it is not the file that was queued or is of another version; what the plan's reading refuses
 */
export function readJobSnapshot(path: string, hash: string): JobSettings {
  const { data, error } = snapshotSchema.safeParse(readSettingsSnapshot(path, hash));
  if (data === undefined) {
    throw new ConfigurationError(`the job's settings, ${path}, are of another version`, {
      code: "SETTINGS_SNAPSHOT",
      subject: path,
      hint: "queue the job anew, from a machine with the host's release",
      cause: error,
    });
  }
  const plan = readPlanDocument(JSON.stringify(data.plan), path);
  return {
    plan,
    settings: {
      stateDirectory: data.state_directory,
      storeUrl: data.store?.url,
      storeUser: data.store?.user ?? undefined,
      storePassword: data.store?.password ?? undefined,
      archive: plan.archive,
      segmentation: plan.segmentation,
    },
  };
}
