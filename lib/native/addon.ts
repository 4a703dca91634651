import { createRequire } from "node:module";
import { join } from "node:path";
import { z } from "zod";
import { UnavailableError } from "../model/errors.ts";
import { projectRoot } from "../config/project-root.ts";

const partSchema = z.object({
  fromId: z.bigint(),
  throughId: z.bigint(),
  /** Start of the day it was read for: what says which archive it came from, for an interval may hold no trade. */
  dayStartUs: z.bigint(),
  /** Times of the first and last trade; without any, the day's start or the last trade before it, whichever is later. */
  firstUs: z.bigint(),
  lastUs: z.bigint(),
  records: z.bigint(),
  fills: z.bigint(),
  volume: z.bigint(),
  turnover: z.bigint(),
  quarantined: z.bigint(),
  bars: z.bigint(),
  orphans: z.bigint(),
  barsDigest: z.bigint(),
});

/**
 * A gapless interval of aggregate-trade ids that a unit consumed. Times in µs, volume × 10^8, turnover × 10^16; `records`
 * are aggregate trades, `bars` the completed bars that ended in it, `barsDigest` the segment's digest up to its end.
 */
export type Part = Readonly<z.infer<typeof partSchema>>;

export const unitOutputSchema = z.object({
  bars: z.number().int(),
  block: z.instanceof(Uint8Array),
  parts: z.array(partSchema),
  checkpoint: z.instanceof(Uint8Array),
});

export const dayProgressSchema = z.object({
  done: z.boolean(),
  rows: z.bigint(),
  quarantinedCount: z.bigint(),
  quarantined: z.array(z.object({ id: z.bigint(), line: z.bigint(), reason: z.string() })),
  inflatedBytes: z.bigint(),
});

export const checkpointSchema = z.object({
  thresholdDbps: z.number().int(),
  lastId: z.bigint().nullish(),
  lastTimeUs: z.bigint().nullish(),
  digest: z.bigint(),
  forming: z.instanceof(Uint8Array).nullish(),
});

export const foldedDigestSchema = z.object({ digest: z.bigint(), rows: z.bigint() });

/** The job as the addon makes it; what its methods return is parsed by the schemas above. */
export interface AddonJob {
  restoreUnit(index: number, checkpoint: Uint8Array): void;
  ingestDay(request: object): Promise<unknown>;
  resumeDay(): Promise<unknown>;
  endSegment(): void;
  waiting(): unknown;
  take(index: number, constants: object): unknown;
  peek(index: number): unknown;
}

type AddonFunction = (...words: readonly unknown[]) => unknown;

const addonSchema = z.object({
  barVersion: z.custom<AddonFunction>((value) => typeof value === "function"),
  sourcesHash: z.custom<AddonFunction>((value) => typeof value === "function"),
  decodeCheckpoint: z.custom<AddonFunction>((value) => typeof value === "function"),
  foldDigest: z.custom<AddonFunction>((value) => typeof value === "function"),
  Job: z.custom<new (config: object) => AddonJob>((value) => typeof value === "function"),
});

const addonFile = join(projectRoot, "native", "barkeep.node");

let loaded: z.infer<typeof addonSchema> | undefined;

/**
 * The addon, loaded at its first use, so that what needs no core runs without it.
 * @throws UnavailableError ADDON_MISSING
 */
export function addon(): z.infer<typeof addonSchema> {
  loaded ??= load();
  return loaded;
}

function load(): z.infer<typeof addonSchema> {
  try {
    return addonSchema.parse(createRequire(import.meta.url)(addonFile));
  } catch (cause) {
    throw new UnavailableError("the native addon cannot be loaded", {
      code: "ADDON_MISSING",
      subject: addonFile,
      hint: "build it: npm run setup",
      cause,
    });
  }
}
