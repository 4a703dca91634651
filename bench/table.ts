/** Writes the lines of a run (`npm run bench -- … > FILE`) as the table of docs/performance.md: `node bench/table.ts FILE`. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { project } from "./folders.ts";
import { lineSchema, type Figure, type Line } from "./line.ts";

const begin = "<!-- results: written by bench/table.ts -->";
const end = "<!-- end of results -->";
const page = join(project, "docs", "performance.md");

const lines = readFileSync(process.argv[2] ?? "", "utf8")
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => lineSchema.parse(JSON.parse(line)));
const before = readFileSync(page, "utf8");
const [head] = before.split(begin);
const [, tail] = before.split(end);
if (head === undefined || tail === undefined) throw new Error(`${page} has no place for the results`);
writeFileSync(page, `${head}${begin}\n\n${machine()}\n\n${table(lines)}\n\n${end}${tail}`);

function machine(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 1e9);
  return `Machine: ${cores.length} cores, ${cores[0]?.model ?? "unknown"}, ${memory} GB. ${new Date().toISOString().slice(0, 10)}.`;
}

function table(lines: readonly Line[]): string {
  const rows = lines.map((line) => ("skipped" in line ? skippedRow(line) : figureRow(line)));
  return ["| bench | what | best | median | runs | target | reached |", "|---|---|--:|--:|--:|---|---|", ...rows].join(
    "\n",
  );
}

function skippedRow({ bench, what, skipped }: Extract<Line, { skipped: string }>): string {
  return `| ${bench} | ${what} | skipped: ${skipped} | | | | |`;
}

function figureRow({ bench, what, unit, best, median, runs, target, reached }: Figure): string {
  const value = (number: number): string =>
    `${number.toLocaleString("en-US", { maximumSignificantDigits: 4 })} ${unit === "ratio" ? "×" : unit}`;
  const bound =
    target === null ? "" : "at_least" in target ? `≥ ${value(target.at_least)}` : `≤ ${value(target.at_most)}`;
  const verdict = reached === null ? "" : reached ? "yes" : "**no**";
  return `| ${bench} | ${what} | ${value(best)} | ${value(median)} | ${runs} | ${bound} | ${verdict} |`;
}
