import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { ServedStoreProcess } from "../rig/serve.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { barkeep, projectRoot, temporaryFolder } from "./run.ts";

const shared = join(projectRoot, "..", "shared");
const golden = join(shared, "golden");
const archive = join(shared, "data", "archive");
const skip = existsSync(golden) && existsSync(archive) ? false : "no golden bars beside this checkout";
const statusSchema = z.object({
  series: z.array(z.object({ series: z.string(), digest: z.string(), bars: z.number(), complete: z.boolean() })),
});
const thresholds = [5, 10, 25, 50, 100, 250];

const registry = minimalRegistryFile();

function goldenDigests(): Map<string, { bars: number; digest: string }> {
  const lines = readFileSync(join(golden, "digests.tsv"), "utf8").trim().split("\n").slice(1);
  return new Map(
    lines.map((line) => {
      const [series = "", bars = "", digest = ""] = line.split("\t");
      return [series, { bars: Number(bars), digest }];
    }),
  );
}

/** Rows as records, keyed by the header, so that columns are compared by name. */
function parseCsv(text: string): Record<string, string>[] {
  const [header = "", ...rows] = text.trim().split("\n");
  const names = header.split(",");
  return rows.map((row) => Object.fromEntries(row.split(",").map((cell, i) => [names[i] ?? "", cell])));
}

/** Populates, compares bars and digests with the golden ones, and returns what export-bars printed, by threshold. */
async function checkGolden(market: "spot" | "futures-um", env: Record<string, string>): Promise<Map<number, string>> {
  const state = temporaryFolder(`golden-${market}`);
  const common = ["--state", state, "--symbols", registry];
  const series = (threshold: number): string => `range:binance/${market}/BTCUSDT@${threshold}`;
  const asked = ["--symbol", "BTCUSDT", "--market", market, ...thresholds.flatMap((one) => ["--threshold", `${one}`])];
  const dates = ["--start-date", "2024-08-08", "--end-date", "2024-08-09"];
  const populated = await barkeep(["populate", "--archive", archive, ...asked, ...dates, ...common], env);
  // The futures archive has no second day: not published, everything else is committed.
  assert.equal(populated.code, market === "spot" ? 0 : 1, populated.stderr + populated.stdout);

  const printed = new Map<number, string>();
  for (const threshold of thresholds) {
    const format = ["--format", "csv", "--exact", "--incomplete"];
    const exported = await barkeep(["export-bars", series(threshold), ...format, ...common], env);
    assert.equal(exported.code, 0, exported.stderr);
    const expected = parseCsv(readFileSync(join(golden, `${market}-BTCUSDT@${threshold}.csv`), "utf8"));
    const actual = parseCsv(exported.stdout);
    assert.equal(actual.length, expected.length);
    expected.forEach((row, i) => {
      for (const [column, value] of Object.entries(row)) {
        assert.equal(actual[i]?.[column], value, `${market}@${threshold} row ${i} column ${column}`);
      }
    });
    printed.set(threshold, exported.stdout);
  }

  const status = await barkeep(["status", "--json", ...common], env);
  assert.equal(status.code, 0, status.stderr);
  const document = statusSchema.parse(JSON.parse(status.stdout));
  const digests = goldenDigests();
  for (const threshold of thresholds) {
    const expected = digests.get(`${market}-BTCUSDT@${threshold}`);
    const row = document.series.find((entry) => entry.series === series(threshold));
    assert.equal(row?.digest, expected?.digest);
    assert.equal(row?.bars, expected?.bars);
    assert.equal(row?.complete, true);
  }
  assert.equal(readdirSync(golden).filter((name) => name.startsWith(`${market}-`)).length, thresholds.length);
  return printed;
}

test(
  "populate, export and status give the golden bars, the same bytes embedded and through a served store",
  { skip },
  async () => {
    await using served = await ServedStoreProcess.start(temporaryFolder("golden-served"));
    for (const market of ["spot", "futures-um"] as const) {
      assert.deepEqual(await checkGolden(market, served.env), await checkGolden(market, {}));
    }
  },
);
