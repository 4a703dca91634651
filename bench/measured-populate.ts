import { fileURLToPath } from "node:url";
import { z } from "zod";
import { runChild } from "./child.ts";

const program = fileURLToPath(import.meta.resolve("./programs/measured-populate.ts"));

export const requestSchema = z.object({
  state: z.string(),
  archive: z.string(),
  symbolsFile: z.string(),
  symbols: z.array(z.string()),
  thresholds: z.array(z.number()),
  /** First and last day. */
  from: z.string(),
  to: z.string(),
});
export type Request = Readonly<z.output<typeof requestSchema>>;

const answerSchema = z.object({
  trades: z.number(),
  bars: z.number(),
  /** From the start of the process. */
  whole_ms: z.number(),
  /** Of that: loading the program, and opening the store. */
  startup_ms: z.number(),
  planning_ms: z.number(),
  protocol_ms: z.number(),
  insert_bars_ms: z.number(),
  commits: z.number(),
  statements: z.number(),
  by_kind: z.record(z.string(), z.number()),
});
export type Answer = Readonly<z.output<typeof answerSchema>>;

/** `barkeep populate` in a process of its own that times its statements. */
export async function measuredPopulate(request: Request): Promise<Answer> {
  // As bin/barkeep.mjs starts our programs.
  const environment = { UV_THREADPOOL_SIZE: "16" };
  const { stdout } = await runChild(process.execPath, [program, JSON.stringify(request)], { environment });
  return answerSchema.parse(JSON.parse(stdout));
}
