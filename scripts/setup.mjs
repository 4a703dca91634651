// Makes a fresh clone ready: dependencies, a Node that is new enough, the native addon. Does nothing when all is there.
// `--build` builds the addon in any case; `--check` changes nothing and prints the findings as JSON (barkeep doctor reads them).
import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import {
  checkAddon,
  checkCargo,
  checkDependencies,
  checkNode,
  checkSystemNode,
  nodeCommand,
  root,
  stampAddon,
} from "./setup-checks.mjs";

const unavailable = 2;

if (process.argv.includes("--check")) {
  const findings = [checkSystemNode(), checkDependencies(), checkNode(), checkCargo(), checkAddon()];
  process.stdout.write(`${JSON.stringify(findings)}\n`);
  process.exit(0);
}

need(checkSystemNode());
if (!checkDependencies().ok) {
  say("installing dependencies (npm ci)");
  run(
    "npm",
    ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"],
    "npm ci failed; its own lines above say why",
  );
  need(checkDependencies());
}
if (!checkNode().ok) {
  // Where install scripts are switched off, the npm package `node` has no binary yet.
  say("installing the project's Node (npm rebuild node)");
  const advice = `npm could not install Node; install Node 24 or later yourself, then: npm run setup`;
  run("npm", ["rebuild", "node", "--ignore-scripts=false", "--loglevel=error"], advice);
  need(checkNode());
}
if (process.argv.includes("--build") || !checkAddon().ok) {
  need(checkCargo());
  say("building the native addon (cargo, a minute or two the first time)");
  run(
    nodeCommand(),
    [join("scripts", "build-native.mjs")],
    "the native addon did not build; cargo's lines above say why",
  );
  stampAddon();
  need(checkAddon());
}

/** @param {import("./setup-checks.mjs").Finding} finding */
function need(finding) {
  if (!finding.ok) fail(`${finding.name}: ${finding.detail}`, finding.fix);
}

function run(command, argv, advice) {
  // npm removes node_modules as it starts: it must not run on the Node that lies in there.
  const path = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join("node_modules", ".bin")));
  const env = { ...process.env, PATH: path.join(delimiter) };
  const { status, error } = spawnSync(command, argv, { cwd: root, stdio: ["ignore", "inherit", "inherit"], env });
  if (status !== 0) fail(error === undefined ? `${command} ended with ${status}` : error.message, advice);
}

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

function fail(problem, advice) {
  process.stderr.write(`setup: ${problem}\n  what to do: ${advice}\n`);
  process.exit(unavailable);
}
