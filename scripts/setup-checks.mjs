// What a working tree needs, each with how to find out and the command that puts it right. Plain JavaScript for the system's
// Node: it runs before anything is installed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const ownNode = join(root, "node_modules", "node", "bin", "node");
const nodeMajor = 24;
const systemNodeMajor = 20;
/** Edition 2024. */
const cargoMinor = 85;
const stampFile = join(root, "native", "target", "barkeep-addon.json");

/** @typedef {{ name: string, ok: boolean, detail: string, fix: string }} Finding */

/** @returns {Finding} */
export function checkSystemNode() {
  const ok = Number.parseInt(process.versions.node, 10) >= systemNodeMajor;
  const fix = `install Node ${systemNodeMajor} or later, with npm (nodejs.org, or your system's packages)`;
  return { name: "system Node", ok, detail: `v${process.versions.node}`, fix };
}

/** Does node_modules hold exactly what package-lock.json says? npm leaves its own account of what it installed there. */
export function checkDependencies() {
  const account = join(root, "node_modules", ".package-lock.json");
  const finding = { name: "dependencies", fix: "npm run setup" };
  if (!existsSync(account)) return { ...finding, ok: false, detail: "not installed" };
  const wanted = readJson(join(root, "package-lock.json")).packages;
  const installed = readJson(account).packages;
  const stale = Object.entries(wanted).filter(
    ([path, entry]) => path !== "" && entry.optional !== true && installed[path]?.version !== entry.version,
  );
  const detail = stale.length === 0 ? "as in package-lock.json" : `${stale.length} differ from package-lock.json`;
  return { ...finding, ok: stale.length === 0, detail };
}

/** The project's own Node, or the system's where that is new enough. */
export function checkNode() {
  const finding = { name: `Node ${nodeMajor}`, fix: "npm run setup" };
  if (Number.parseInt(process.versions.node, 10) >= nodeMajor) {
    return { ...finding, ok: true, detail: `v${process.versions.node}` };
  }
  if (!existsSync(ownNode)) return { ...finding, ok: false, detail: "npm package node has no binary" };
  const { version } = readJson(join(root, "node_modules", "node", "package.json"));
  return { ...finding, ok: Number.parseInt(version, 10) >= nodeMajor, detail: `v${version} in node_modules` };
}

/** @returns {Finding} */
export function checkCargo() {
  const finding = {
    name: "cargo",
    fix: `install Rust 1.${cargoMinor} or later with a C linker (https://rustup.rs, then a C compiler from your system's packages)`,
  };
  try {
    const text = execFileSync("cargo", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? [];
    const ok = Number(major) > 1 || Number(minor) >= cargoMinor;
    return { ...finding, ok, detail: text };
  } catch {
    return { ...finding, ok: false, detail: "not found on PATH" };
  }
}

/** Is the addon there, and built from the sources as they are now? */
export function checkAddon() {
  const finding = { name: "native addon", fix: "npm run build" };
  if (!existsSync(stampFile)) return { ...finding, ok: false, detail: "not built" };
  const stamp = readJson(stampFile);
  if (stamp.addons.length === 0 || !stamp.addons.every((file) => existsSync(join(root, file)))) {
    return { ...finding, ok: false, detail: "not built" };
  }
  const ok = stamp.sources === hashNativeSources();
  return { ...finding, ok, detail: ok ? stamp.addons.join(", ") : "older than its sources in native/" };
}

/** Remembers which sources the addon was built from. */
export function stampAddon() {
  mkdirSync(dirname(stampFile), { recursive: true });
  const addons = ["lib/native", "native", "build"].flatMap(findAddons);
  writeFileSync(stampFile, JSON.stringify({ sources: hashNativeSources(), addons }));
}

/** The command that runs the project's Node. */
export function nodeCommand() {
  return existsSync(ownNode) ? ownNode : process.execPath;
}

function hashNativeSources() {
  const hash = createHash("sha256");
  for (const file of ["scripts/build-native.mjs", ...filesUnder("native", /\.(rs|toml|lock)$/).sort()]) {
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(join(root, file)))
      .update("\0");
  }
  return hash.digest("hex");
}

function findAddons(folder) {
  return existsSync(join(root, folder)) ? filesUnder(folder, /\.node$/) : [];
}

/** Paths from the root; cargo's output and packages are no sources. */
function filesUnder(folder, pattern) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ["target", "node_modules"].includes(entry.name) ? [] : filesUnder(path, pattern);
    return pattern.test(entry.name) ? [path] : [];
  });
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
