import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { execa, execaSync } from "execa";
import { z } from "zod";
import { minimalRegistryFile } from "../rig/registry.ts";
import { barkeep, projectRoot, temporaryFolder } from "./run.ts";

/** A small file system of its own needs a mount, and that a user namespace. */
const canMount =
  process.platform === "linux" && execaSync("unshare", ["-rm", "true"], { reject: false }).exitCode === 0;
const skip = canMount ? false : "this system lets no user mount a small file system";

const registry = minimalRegistryFile();
const symbols = ["--symbols", registry];
const archive = ["--archive", join(projectRoot, "examples", "archive")];
const populate = ["populate", ...archive, ...symbols, "--symbol", "BTCUSDT", "--threshold", "25"];

const script = `set -u
mount -t tmpfs -o size=64m tmpfs "$1"
run() { "$2" "$3" "\${@:4}" --state "$1/state"; echo "exit $?"; }
run "$@" --start-date 2024-08-08 --end-date 2024-08-08
dd if=/dev/zero of="$1/fill" bs=1k count=100000 2>/dev/null
run "$@" --start-date 2024-08-08 --end-date 2024-08-09
# The ledger came first; this one opens the store alone.
"$2" "$3" status --symbols "$SYMBOLS" --state "$1/state"; echo "exit $?"
rm "$1/fill"
run "$@" --start-date 2024-08-08 --end-date 2024-08-09
"$2" "$3" status --json --symbols "$SYMBOLS" --state "$1/state"
`;

const statusSchema = z.object({ series: z.array(z.object({ digest: z.string(), days: z.number() })) });

test(
  "a full disk: exit 2 that says so, and afterwards the same command ends with the bytes of a clean run",
  { skip },
  async () => {
    const mountPoint = temporaryFolder("disk-full");
    const launcher = join(projectRoot, "bin", "barkeep.mjs");
    const words = ["-rm", "bash", "-c", script, "bash", mountPoint, process.execPath, launcher, ...populate];
    const { stdout, stderr } = await execa("unshare", words, { env: { SYMBOLS: registry } });
    assert.deepEqual(stdout.match(/^exit \d+$/gm), ["exit 0", "exit 2", "exit 2", "exit 0"], stderr);
    assert.match(
      stderr,
      /the disk of the ledger is full.*\(DISK_FULL\).*the disk of the store is full.*\(DISK_FULL\)/s,
    );

    const clean = ["--state", join(temporaryFolder("disk-full-clean"), "state"), ...symbols];
    const run = await barkeep([
      ...populate,
      "--start-date",
      "2024-08-08",
      "--end-date",
      "2024-08-09",
      ...clean.slice(0, 2),
    ]);
    assert.equal(run.code, 0, run.stderr);
    const expected = statusSchema.parse(JSON.parse((await barkeep(["status", "--json", ...clean])).stdout));
    const actual = statusSchema.parse(JSON.parse(stdout.slice(stdout.indexOf("{"))));
    assert.deepEqual(actual, expected);
  },
);
