import { z } from "zod";
import type { FleetHost, Settings } from "../config/index.ts";
import { readPlanDocument, type PlanDocument } from "../datasets/range/plan-document.ts";
import { ConfigurationError } from "../model/errors.ts";
import { readSettingsSnapshot, settingsSnapshot, type SettingsSnapshot } from "../queue/settings-snapshot.ts";
import type { QueueableJob } from "./jobs.ts";

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
  plan: z.looseObject({ bar_version: z.int() }).and(z.record(z.string(), z.json())),
});

/** What a worker works by. */
export interface JobSettings {
  readonly plan: PlanDocument;
  readonly settings: Pick<
    Settings,
    "stateDirectory" | "storeUrl" | "storeUser" | "storePassword" | "archive" | "segmentation"
  >;
}

/** What a job's snapshot takes from the settings of whoever queues it. */
export type SnapshotSettings = Pick<Settings, "stateDirectory" | "storeUrl" | "storeUser" | "storePassword">;

/** Where a host's workers keep what they know beside the store. This machine's share the operator's own. */
function stateDirectoryOn(host: FleetHost, settings: Pick<Settings, "stateDirectory">): string {
  return host.sshAlias === undefined ? settings.stateDirectory : host.directory;
}

/** Everything a job works by: its plan, and the store as its host sees it. */
export function jobSnapshot(
  { document }: Pick<QueueableJob, "document">,
  host: FleetHost,
  settings: SnapshotSettings,
): SettingsSnapshot {
  const url = host.storeUrl ?? settings.storeUrl;
  return settingsSnapshot({
    version: 1,
    state_directory: stateDirectoryOn(host, settings),
    store:
      url === undefined ? null : { url, user: settings.storeUser ?? null, password: settings.storePassword ?? null },
    plan: document,
  });
}

/**
 * Reads a job's snapshot back.
 * @param hash the label's
 * @throws ConfigurationError SETTINGS_SNAPSHOT where it is not the file that was queued or is of another version; what the plan's reading refuses
 */
export function readJobSnapshot(path: string, hash: string): JobSettings {
  const data = parseSnapshot(readSettingsSnapshot(path, hash), path);
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

/**
 * The plan of a job that was queued before, from its file's text.
 * @throws ConfigurationError SETTINGS_SNAPSHOT for a file of another version
 */
export function parsePlanOf(text: string, path: string): Pick<QueueableJob, "document" | "barVersion"> {
  const { plan } = parseSnapshot(JSON.parse(text), path);
  return { document: plan, barVersion: plan.bar_version };
}

function parseSnapshot(document: unknown, path: string): z.output<typeof snapshotSchema> {
  const { data, error } = snapshotSchema.safeParse(document);
  if (data !== undefined) return data;
  throw new ConfigurationError(`the job's settings, ${path}, are of another version`, {
    code: "SETTINGS_SNAPSHOT",
    subject: path,
    hint: "plan it anew: barkeep populate --host",
    cause: error,
  });
}
