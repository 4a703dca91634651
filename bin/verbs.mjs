import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The installation's folder. Plain JavaScript that runs on the system's Node (20 or later), before the project's own. */
export const root = fileURLToPath(new URL("..", import.meta.url));
const ops = join(root, "ops");

/**
 * The program that the first words name, and what is left of the line: `store serve --json` is `ops/store/serve.ts`. A verb may have others
 * below it: as many words count as name a program.
 * @param {readonly string[]} argv
 * @returns {{ program: string, rest: string[] } | undefined}
 */
export function findProgram(argv) {
  let folder = ops;
  let found;
  for (const [index, word] of argv.entries()) {
    if (!/^[a-z][a-z0-9-]*$/.test(word)) break;
    const program = join(folder, `${word}.ts`);
    if (existsSync(program)) found = { program, rest: argv.slice(index + 1) };
    folder = join(folder, word);
    if (!existsSync(folder)) break;
  }
  return found;
}

/**
 * Every verb with its summary, in the order of the alphabet. The summary is read off the program's text: importing each of them
 * would load the engine and the addon to print one table.
 */
export function listVerbs() {
  return readdirSync(ops, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .sort()
    .map((file) => {
      const path = join(ops, file);
      const summary = /\bsummary:\s*"((?:[^"\\]|\\.)*)"/.exec(readFileSync(path, "utf8"))?.[1] ?? "";
      return { verb: relative(ops, path).slice(0, -".ts".length).split(sep).join(" "), summary };
    });
}

/** The table that `barkeep` and `barkeep --help` print. */
export function verbTable() {
  const verbs = listVerbs();
  const width = Math.max(...verbs.map(({ verb }) => verb.length));
  const lines = verbs.map(({ verb, summary }) => `  ${verb.padEnd(width)}  ${summary}`);
  return ["barkeep <verb> [options]", "", ...lines, "", "barkeep <verb> --help says what a verb takes."].join("\n");
}
