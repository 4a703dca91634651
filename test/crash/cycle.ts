import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { runProgram, tailOf, type RunEnd } from "./child.ts";
import type { Kill } from "./kill.ts";
import type { Census } from "./planner.ts";
import type { Workload } from "./workload.ts";

/** A workload with what its uninterrupted run made. */
export interface Prepared {
  readonly workload: Workload;
  readonly census: Census;
  /** The state every cycle begins with; undefined where it begins with nothing. */
  readonly template: string | undefined;
  /** What the check compares with. */
  readonly expected: string;
  /** What readers see of the template; undefined where a run's beginning shows as it comes. */
  readonly before: string | undefined;
}

/** A kill that struck. */
export interface Strike {
  readonly kill: Kill;
  /** The last point that the process passed. */
  readonly behind: string;
}

/** One workload begun, killed, resumed to its end and checked. */
export interface CycleOutcome {
  readonly strikes: readonly Strike[];
  readonly violations: readonly string[];
}

/** Makes the state a workload begins with, runs it once without a kill, and keeps what it made. */
export async function prepareWorkload(workload: Workload, folder: string): Promise<Prepared> {
  let template: string | undefined;
  if (workload.prepare !== undefined) {
    template = join(folder, "template");
    await workload.prepare(template);
  }
  const state = join(folder, "clean");
  begin(template, state);
  const end = await workload.run(state, { kill: undefined, traceFile: join(folder, "census.tsv") });
  if (end.code !== 0) throw new Error(`${workload.name} does not run: ${tailOf(end.stderr)}`);
  await workload.settle?.(state);
  const expected = join(folder, "expected");
  const found = await check(workload, state, ["--record", expected]);
  if (found.length > 0) throw new Error(`${workload.name} is not clean without a kill: ${found.join("; ")}`);
  rmSync(state, { recursive: true });
  let before: string | undefined;
  if (workload.showsOldOrNew === true) {
    before = join(folder, "before");
    begin(template, state);
    await check(workload, state, ["--record", before]);
    rmSync(state, { recursive: true });
  }
  return { workload, template, expected, before, census: { points: end.points, wallMs: end.wallMs } };
}

/**
 * Kills a run, and the runs that resume it, as told; resumes to the end; checks.
 * @param state a folder of this cycle's own; it stays where there is a violation, with `<state>.killed`, which is how the
 *   last kill left it
 * @param looksBetween also looks at what readers see before the last resume
 */
export async function runCycle(
  { workload, template, expected, before }: Prepared,
  kills: readonly Kill[],
  state: string,
  looksBetween: boolean,
): Promise<CycleOutcome> {
  begin(template, state);
  const traceFile = `${state}.trace`;
  const strikes: Strike[] = [];
  const violations: string[] = [];
  let hasEnded = false;
  const runOnce = async (kill: Kill | undefined): Promise<RunEnd> => {
    const end = await workload.run(state, { kill, traceFile });
    if (end.killed && kill !== undefined) {
      strikes.push({ kill, behind: end.points.at(-1)?.name ?? "before the first point" });
    } else {
      hasEnded = true;
      const isGood = workload.isGoodEnd?.(end) ?? end.code === 0;
      if (!isGood) violations.push(`it ended with ${end.code ?? "a signal"}: ${tailOf(end.stderr)}`);
    }
    return end;
  };
  try {
    for (const kill of kills) if (!hasEnded) await runOnce(kill);
    if (!hasEnded) {
      // What others still write to cannot be copied.
      const isStill = workload.settle === undefined && existsSync(state);
      if (isStill) cpSync(state, `${state}.killed`, { recursive: true, verbatimSymlinks: true });
      if (looksBetween && existsSync(join(state, "store"))) {
        const meanwhile = before === undefined ? ["--prefix"] : ["--before", before];
        const found = await check(workload, state, ["--expected", expected, ...meanwhile]);
        violations.push(...found.map((one) => `before the resume: ${one}`));
      }
      await runOnce(undefined);
    }
    await workload.settle?.(state);
    if (violations.length === 0) {
      violations.push(...(await check(workload, state, ["--expected", expected])));
    }
  } catch (error) {
    violations.push(error instanceof Error ? error.message : String(error));
    await workload.settle?.(state);
  }
  if (violations.length === 0) {
    for (const path of [state, `${state}.killed`, traceFile]) rmSync(path, { recursive: true, force: true });
  }
  return { strikes, violations };
}

function begin(template: string | undefined, state: string): void {
  rmSync(state, { recursive: true, force: true });
  if (template === undefined) mkdirSync(join(state, ".."), { recursive: true });
  else cpSync(template, state, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
}

async function check(workload: Workload, state: string, words: readonly string[]): Promise<string[]> {
  const given = ["--state", state, "--symbols", workload.symbols, ...words];
  return z.array(z.string()).parse(JSON.parse(await runProgram("check.ts", given)));
}
