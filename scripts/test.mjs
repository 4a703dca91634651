// `npm test`: the Rust tests, then node:test over test/. Files named after `--` run alone. Both run, whatever the first says.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { nodeCommand, root } from "./setup-checks.mjs";

const files = process.argv.slice(2);
// Tests send nothing to people, whatever the machine's settings say; lib/notify refuses it besides.
const env = { UV_THREADPOOL_SIZE: "16", ...process.env, BARKEEP_NOTIFY: "off" };
const run = (command, argv) => spawnSync(command, argv, { cwd: root, stdio: "inherit", env }).status ?? 1;

const rust = files.length > 0 ? 0 : run("cargo", ["test", "--manifest-path", join("native", "Cargo.toml")]);
// Last, so that the runner's closing lines are the last ones.
const node = run(nodeCommand(), ["--test", ...(files.length > 0 ? files : ["test/**/*.test.ts"])]);
if (rust !== 0) process.stderr.write("cargo test failed; its lines are above those of node's runner\n");
process.exit(rust === 0 ? node : rust);
