#!/usr/bin/env node
// `barkeep <verb>` runs ops/<verb>.ts with the project's own Node, whatever Node the system has (20 or later).
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { compileCache } from "./compile-cache.mjs";
import { findProgram, listVerbs, root, verbTable } from "./verbs.mjs";

const usageError = 3;
const unavailable = 2;
const newEnoughMajor = 24;

/** @type {(code: number, codeName: string, message: string, hint: string) => never} */
function fail(code, codeName, message, hint) {
  process.stderr.write(`barkeep: ${message}\n  what to do: ${hint}\n  (${codeName})\n`);
  if (process.argv.includes("--json")) {
    const document = { version: 1, error: { code: codeName, message, hint } };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
  process.exit(code);
}

function nodeBinary() {
  const own = join(root, "node_modules", "node", "bin", "node");
  if (existsSync(own)) return own;
  if (Number.parseInt(process.versions.node, 10) >= newEnoughMajor) return process.execPath;
  return fail(
    unavailable,
    "NOT_SET_UP",
    `Node ${newEnoughMajor} is not installed in ${root}`,
    `npm run setup, in ${root}`,
  );
}

/** The program takes this process's place where Node can do that; else it is a child that gets its signals. */
function run(program, argv) {
  const node = nodeBinary();
  // libuv reads the size of its pool once; the embedded engine holds a thread of it per query (see lib/command).
  const env = { UV_THREADPOOL_SIZE: "16", NODE_COMPILE_CACHE: compileCache, ...process.env };
  // By default new objects have 32 MB before the first of them are collected. What is large here lies outside of V8.
  const words = ["--max-semi-space-size=4", program, ...argv];
  if (process.execve !== undefined && process.platform !== "win32") process.execve(node, [node, ...words], env);
  const child = spawn(node, words, { stdio: "inherit", env });
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
  child.on("error", (error) => fail(unavailable, "NOT_SET_UP", error.message, `npm run setup, in ${root}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

const argv = process.argv.slice(2);
const found = findProgram(argv);
const [first] = argv;
if (found !== undefined) {
  run(found.program, found.rest);
} else if (first === undefined || first === "--help" || first === "-h" || first === "help") {
  process.stdout.write(`${verbTable()}\n`);
} else if (first === "--version") {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  process.stdout.write(`${manifest.version}\n`);
} else {
  const words = argv.filter((word) => !word.startsWith("-")).join(" ") || first;
  const near = listVerbs()
    .map(({ verb }) => verb)
    .filter((verb) => verb.startsWith(words) || words.startsWith(verb.split(" ")[0] ?? ""));
  fail(
    usageError,
    "USAGE",
    `there is no verb "${words}"`,
    near.length > 0 ? `try ${near.join(", ")}` : "barkeep --help lists the verbs",
  );
}
