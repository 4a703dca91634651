import { join } from "node:path";
import { z } from "zod";
import { runChild, type ChildRun } from "./child.ts";
import { project } from "./folders.ts";
import type { Summary } from "./statistics.ts";

const native = join(project, "native");
const program = join(native, "target", "release", "barkeep-bench");

/** Builds `barkeep-bench`, which cargo does nothing about when it is there. */
export async function buildCoreProgram(): Promise<void> {
  await runChild("cargo", ["build", "--release", "--locked", "--quiet", "--package", "barkeep-bench"], {
    folder: native,
  });
}

/** Which cores a program may use. */
export type Cores = "one core" | "all cores";

/** Runs `barkeep-bench`. */
export async function runCoreProgram(argv: readonly string[], cores: Cores): Promise<ChildRun> {
  return runChild(program, argv, { oneCore: cores === "one core" });
}

const timedLine = z.object({
  subject: z.string(),
  dbps: z.number().nullable(),
  trades: z.number(),
  runs: z.number(),
  best_ns: z.number(),
  median_ns: z.number(),
  result: z.number(),
});

/** One thing that `barkeep-bench` timed [ns per trade]; `result` is its count of bars, or a sum. */
export interface Timed extends Summary {
  readonly subject: string;
  readonly dbps: number | null;
  readonly trades: number;
  readonly result: number;
}

/** What a run timed; its own ratio lines are left out. */
export function timedOf({ stdout }: ChildRun): Timed[] {
  return stdout.split("\n").flatMap((line) => {
    if (line === "") return [];
    const { data } = timedLine.safeParse(JSON.parse(line));
    return data === undefined ? [] : [{ ...data, best: data.best_ns, median: data.median_ns }];
  });
}

/** @throws when that was not timed */
export function timed(all: readonly Timed[], subject: string, dbps?: number): Timed {
  const found = all.find((one) => one.subject === subject && one.dbps === (dbps ?? null));
  if (found === undefined) throw new Error(`barkeep-bench timed no "${subject}"`);
  return found;
}
