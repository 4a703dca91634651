import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { runChild } from "./child.ts";
import { withScratchFolder } from "./folders.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { ratio, rounded, summary } from "./statistics.ts";

const program = fileURLToPath(import.meta.resolve("./programs/sync-rows.ts"));
const outputSchema = z.object({ first_seconds: z.number(), again_seconds: z.number(), plain_seconds: z.number() });
type Output = z.output<typeof outputSchema>;

/** Rows of coverage, how many of them belong to a unit, and what mirroring them may take. */
const sizes = [
  { rows: 10_000, rowsPerUnit: 10, secondsMax: 2, runs: 5 },
  { rows: 1_000_000, rowsPerUnit: 4_000, secondsMax: 60, runs: 2 },
] as const;

/** `ledger sync` of a store that the ledger has never seen, and once more, beside the inserts of the same rows alone. */
export async function* measureLedgerSync(setting: Setting): AsyncGenerator<Line> {
  const bench = "ledger-sync";
  for (const size of setting.quick ? sizes.slice(0, 1) : sizes) {
    const { rows, rowsPerUnit, secondsMax } = size;
    const runs: Output[] = [];
    for (let round = 0; round < (setting.quick ? 2 : size.runs); round += 1) {
      runs.push(await withScratchFolder(async (scratch) => syncOnce(join(scratch, "state"), rows, rowsPerUnit)));
    }
    const of = (seconds: (run: Output) => number): ReturnType<typeof summary> => summary(runs.map(seconds), "low");
    const first = of((run) => run.first_seconds);
    const again = of((run) => run.again_seconds);
    const plain = of((run) => run.plain_seconds);
    const named = rows.toLocaleString("en-US");
    yield figure(setting, {
      bench,
      what: `sync of ${named} coverage rows`,
      unit: "s",
      summary: first,
      target: { at_most: secondsMax },
      details: { rows, units: rows / rowsPerUnit, rows_per_second: rounded(rows / first.best) },
    });
    yield figure(setting, { bench, what: `sync of ${named} rows, nothing new`, unit: "s", summary: again });
    yield figure(setting, {
      bench,
      what: `sync of ${named} rows over their plain inserts into SQLite`,
      unit: "ratio",
      summary: ratio(first, plain),
      details: { sync_s: rounded(first.best), plain_s: rounded(plain.best) },
    });
  }
}

async function syncOnce(state: string, rows: number, rowsPerUnit: number): Promise<Output> {
  // As bin/barkeep.mjs starts our programs.
  const environment = { UV_THREADPOOL_SIZE: "16" };
  const request = JSON.stringify({ state, rows, rowsPerUnit });
  const { stdout } = await runChild(process.execPath, [program, request], { environment });
  return outputSchema.parse(JSON.parse(stdout));
}
