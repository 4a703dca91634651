import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runChild } from "./child.ts";
import { symbolNames, unitCount, type CompleteStore } from "./complete-store.ts";
import { withScratchFolder } from "./folders.ts";
import type { Line } from "./line.ts";
import { measuredPopulate, type Answer } from "./measured-populate.ts";
import { figure, type Setting } from "./measurement.ts";
import { launcher, placesIn, stateOf } from "./populate-run.ts";
import { registryOf } from "./registry.ts";
import { rounded, summary } from "./statistics.ts";

const program = fileURLToPath(import.meta.resolve("./programs/make-complete-store.ts"));
const bench = "nothing-to-do";
const thousand: CompleteStore = { symbols: 25, thresholds: [25, 50, 100, 250], firstYear: 2015, lastYear: 2024 };
const few: CompleteStore = { ...thousand, symbols: 2, firstYear: 2023 };

/** `barkeep populate` where every unit asked for is complete: what it takes to find that out. */
export async function* measureNothingToDo(setting: Setting): AsyncGenerator<Line> {
  const complete = setting.quick ? few : thousand;
  const units = unitCount(complete).toLocaleString("en-US");
  const { answers, wholeSeconds } = await withScratchFolder(async (scratch) => runs(scratch, complete, setting));
  const [first] = answers;
  if (first === undefined) return;
  yield figure(setting, {
    bench,
    what: `populate of ${units} complete units, after start-up`,
    unit: "s",
    summary: summary(answers.map(afterStartup), "low"),
    target: { at_most: 1 },
    details: {
      startup_s: rounded(Math.min(...answers.map(({ startup_ms: ms }) => ms / 1000))),
      statements: first.statements,
      ...Object.fromEntries(Object.entries(first.by_kind).map(([kind, ms]) => [kind, rounded(ms)])),
    },
  });
  yield figure(setting, {
    bench,
    what: `populate of ${units} complete units, the whole process`,
    unit: "s",
    summary: summary(wholeSeconds, "low"),
  });
}

function afterStartup({ whole_ms, startup_ms }: Answer): number {
  return (whole_ms - startup_ms) / 1000;
}

/** In a process that measures itself, and as the real program, in turn. */
async function runs(
  scratch: string,
  complete: CompleteStore,
  { quick }: Setting,
): Promise<{ readonly answers: readonly Answer[]; readonly wholeSeconds: readonly number[] }> {
  const state = stateOf(scratch);
  const archive = join(scratch, "archive");
  const symbolsFile = join(scratch, "symbols.toml");
  const symbols = symbolNames(complete);
  mkdirSync(join(archive, "data"), { recursive: true });
  writeFileSync(symbolsFile, registryOf(symbols));
  await runChild(process.execPath, [program, JSON.stringify({ state, complete })]);
  const { thresholds } = complete;
  const [from, to] = [`${complete.firstYear}-01-01`, `${complete.lastYear}-12-31`];
  const series = [
    ...symbols.flatMap((symbol) => ["--symbol", symbol]),
    ...thresholds.flatMap((threshold) => ["--threshold", `${threshold}`]),
  ];
  const range = ["--start-date", from, "--end-date", to];
  const argv = [launcher, "populate", ...series, ...range, "--archive", archive, ...placesIn(scratch)];
  const answers: Answer[] = [];
  const wholeSeconds: number[] = [];
  for (let round = 0; round < (quick ? 2 : 5); round += 1) {
    answers.push(await measuredPopulate({ state, archive, symbolsFile, symbols, thresholds, from, to }));
    const { stdout, seconds } = await runChild(process.execPath, argv);
    if (!stdout.startsWith("nothing to do")) throw new Error(`populate says: ${stdout}`);
    wholeSeconds.push(seconds);
  }
  return { answers, wholeSeconds };
}
