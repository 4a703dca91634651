import { z } from "zod";

/** The measurements, in the order in which they run. */
export const benchNames = [
  "engine",
  "archive",
  "memory",
  "populate",
  "protocol",
  "resume",
  "nothing-to-do",
  "store-insert",
  "verify",
  "ledger-sync",
  "heartbeat",
  "fleet-ssh",
  "fleet-local",
  "detect-gaps",
  "fleet-simulation",
  "peers",
] as const;

export const benchName = z.enum(benchNames);
export type BenchName = z.infer<typeof benchName>;

const targetSchema = z.union([z.strictObject({ at_least: z.number() }), z.strictObject({ at_most: z.number() })]);
/** What a figure has to be. */
export type Target = Readonly<z.infer<typeof targetSchema>>;

const figureSchema = z.strictObject({
  bench: benchName,
  what: z.string().min(1),
  unit: z.enum(["ns/trade", "trades/s", "rows/s", "bars/s", "MB", "bytes/row", "s", "ratio", "count"]),
  best: z.number().finite(),
  /** Of a ratio: the ratio of both sides' medians. */
  median: z.number().finite(),
  runs: z.number().int().positive(),
  target: targetSchema.nullable(),
  /** Whether the best run is on the target's side, of memory and of work done again the worst; null where there is no target. */
  reached: z.boolean().nullable(),
  /** Small data, to try the benchmark itself: the figure says nothing. */
  quick: z.boolean(),
  /** What the figure is made of. */
  details: z.record(z.string(), z.union([z.number().finite(), z.string()])),
});

const skippedSchema = z.strictObject({ bench: benchName, what: z.string().min(1), skipped: z.string().min(1) });

/** One line of output: a measurement, or why there is none. */
export const lineSchema = z.union([figureSchema, skippedSchema]);

export type Figure = Readonly<z.infer<typeof figureSchema>>;
export type Line = Readonly<z.infer<typeof lineSchema>>;
