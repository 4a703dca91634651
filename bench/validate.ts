/** Tries the benchmark on small data: every measurement must give its lines, and every line its fields. */
import { join } from "node:path";
import { runChild } from "./child.ts";
import { benchNames, lineSchema } from "./line.ts";

const { stdout } = await runChild(process.execPath, [join(import.meta.dirname, "run.ts"), "--quick"]);
const lines = stdout
  .trimEnd()
  .split("\n")
  .map((line) => lineSchema.parse(JSON.parse(line)));
const missing = benchNames.filter((name) => name !== "peers" && lines.every(({ bench }) => bench !== name));
if (missing.length > 0) throw new Error(`no line of ${missing.join(", ")}`);
process.stderr.write(`bench: ${lines.length} lines are well formed\n`);
