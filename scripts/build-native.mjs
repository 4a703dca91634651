// Builds the native addon with cargo and puts it at native/barkeep.node, whole or not at all.
import { spawnSync } from "node:child_process";
import { copyFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup-checks.mjs";

const native = join(root, "native");
const build = spawnSync("cargo", ["build", "--release", "--locked", "--package", "barkeep-node"], {
  cwd: native,
  stdio: ["ignore", "inherit", "inherit"],
});
if (build.error !== undefined) {
  process.stderr.write(`build-native: cargo could not be started: ${build.error.message}\n`);
  process.exit(2);
}
if (build.status !== 0) process.exit(build.status ?? 2);

const libraryName =
  { darwin: "libbarkeep_node.dylib", win32: "barkeep_node.dll" }[process.platform] ?? "libbarkeep_node.so";
const addon = join(native, "barkeep.node");
copyFileSync(join(native, "target", "release", libraryName), `${addon}.new`);
// A running program keeps the old file; a new one never sees half of it.
renameSync(`${addon}.new`, addon);
