import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { addDays } from "../lib/model/day.ts";
import { runChild } from "./child.ts";
import { dayFile, madeUpDays } from "./days.ts";
import { withScratchFolder } from "./folders.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { rounded, summary } from "./statistics.ts";

const program = fileURLToPath(import.meta.resolve("./programs/insert-rows.ts"));
const columns = 75;
const outputSchema = z.object({
  rows: z.number(),
  seconds: z.number(),
  sent_bytes: z.number(),
  disk_bytes: z.number(),
});

/** Rows as wide as a bar with every feature tier, into a new embedded store; each acknowledged insert is on disk. */
export async function* measureStoreInsert(setting: Setting): AsyncGenerator<Line> {
  const bench = "store-insert";
  const days = await madeUpDays(setting);
  const files = Array.from({ length: 4 }, (_, i) => ({
    path: dayFile(days, i),
    symbol: days.symbol,
    day: addDays(days.firstDay, i),
  }));
  const size = setting.quick ? { blocks: 2, blockRows: 1000 } : { blocks: 10, blockRows: 100_000 };
  const runs: z.output<typeof outputSchema>[] = [];
  for (let round = 0; round < (setting.quick ? 2 : 5); round += 1) {
    runs.push(
      await withScratchFolder(async (scratch) =>
        insertOnce({ state: join(scratch, "state"), columns, ...size, files }),
      ),
    );
  }
  const [first] = runs;
  if (first === undefined) return;
  const details = {
    rows: first.rows,
    columns,
    blocks: size.blocks,
    sent_bytes_per_row: rounded(first.sent_bytes / first.rows),
  };
  yield figure(setting, {
    bench,
    what: `insert rows of ${columns} columns`,
    unit: "rows/s",
    summary: summary(
      runs.map(({ rows, seconds }) => rows / seconds),
      "high",
    ),
    target: { at_least: 150_000 },
    details,
  });
  yield figure(setting, {
    bench,
    what: `size on disk of rows of ${columns} columns`,
    unit: "bytes/row",
    summary: summary(
      runs.map(({ rows, disk_bytes }) => disk_bytes / rows),
      "low",
    ),
    details,
  });
}

async function insertOnce(request: object): Promise<z.output<typeof outputSchema>> {
  // As bin/barkeep.mjs starts our programs.
  const environment = { UV_THREADPOOL_SIZE: "16" };
  const { stdout } = await runChild(process.execPath, [program, JSON.stringify(request)], { environment });
  return outputSchema.parse(JSON.parse(stdout));
}
