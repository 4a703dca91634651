import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { runChild } from "./child.ts";
import { madeUpDays, type DaysArchive } from "./days.ts";
import { withScratchFolder } from "./folders.ts";
import type { Line } from "./line.ts";
import type { Setting } from "./measurement.ts";
import { worstFigure } from "./peak.ts";
import { populateInto, populateRest, populateWords, stateOf } from "./populate-run.ts";
import { rounded } from "./statistics.ts";

const program = fileURLToPath(import.meta.resolve("./programs/last-commit.ts"));
const lastCommitSchema = z.object({ committed_at_ms: z.number(), trades: z.number() });
const dayCount = 8;

/** What one kill cost. */
interface Kill {
  /** From the last commit to the kill; from the start where there was none. */
  readonly repeatedSeconds: number;
  readonly hadCommitted: boolean;
}

/** Kills `barkeep populate` at any instant and lets it go on: the work between the last commit and the kill is done again. */
export async function* measureResume(setting: Setting): AsyncGenerator<Line> {
  const days = await madeUpDays(setting);
  // The eight days are one commit at 250 dbps, and more than one a day at 10.
  for (const dbps of [250, 10]) {
    const kills: Kill[] = [];
    const { seconds } = await withScratchFolder(async (scratch) => populateInto(scratch, days, dayCount, dbps));
    for (let tries = 0; kills.length < (setting.quick ? 2 : 8) && tries < 40; tries += 1) {
      const kill = await withScratchFolder(async (scratch) => killOnce(scratch, days, dbps, seconds * Math.random()));
      if (kill !== undefined) kills.push(kill);
    }
    yield worstFigure(setting, {
      bench: "resume",
      what: `work done again after a kill of populate, ${dayCount} days, ${dbps} dbps`,
      unit: "s",
      samples: kills.map(({ repeatedSeconds }) => repeatedSeconds),
      target: { at_most: 60 },
      details: {
        kills_behind_a_commit: kills.filter(({ hadCommitted }) => hadCommitted).length,
        whole_run_s: rounded(seconds),
      },
    });
  }
}

/** @returns undefined where it ended before it was killed */
async function killOnce(
  scratch: string,
  days: DaysArchive,
  dbps: number,
  afterSeconds: number,
): Promise<Kill | undefined> {
  const startMs = Date.now();
  const child = spawn(process.execPath, populateWords(scratch, days, dayCount, dbps), { stdio: "ignore" });
  const closed = once(child, "close");
  await Promise.race([sleep(afterSeconds * 1000), closed]);
  const killedMs = Date.now();
  child.kill("SIGKILL");
  await closed;
  if (child.signalCode !== "SIGKILL") return undefined;
  const last = await lastCommit(scratch);
  await populateRest(scratch, days, dayCount, dbps);
  const { trades } = await lastCommit(scratch);
  if (trades !== days.tradesPerDay * dayCount) throw new Error(`${trades} trades are covered after the resume`);
  const hadCommitted = last.trades > 0;
  return { repeatedSeconds: (killedMs - (hadCommitted ? last.committed_at_ms : startMs)) / 1000, hadCommitted };
}

async function lastCommit(scratch: string): Promise<z.output<typeof lastCommitSchema>> {
  const { stdout } = await runChild(process.execPath, [program, stateOf(scratch)]);
  return lastCommitSchema.parse(JSON.parse(stdout));
}
