import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeSync, openSync, closeSync, existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa, execaSync } from "execa";
import { explainError } from "../../lib/command/failure-report.ts";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { Failure } from "../../lib/model/errors.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { barkeep, projectRoot, temporaryFolder } from "./run.ts";

const day = parseDay("2024-03-05");
const symbols = ["--symbols", minimalRegistryFile()];

function populateWords(archive: string, state: string): string[] {
  const days = ["--start-date", day, "--end-date", addDays(day, 1)];
  const series = ["--symbol", "BTCUSDT", "--threshold", "50"];
  return ["populate", ...series, ...days, "--archive", archive, "--state", state, ...symbols];
}

test("an archive folder that does not exist: exit 2, could not determine; not nothing published", async () => {
  const nowhere = join(temporaryFolder("no-archive"), "nowhere");
  const { code, stderr } = await barkeep(populateWords(nowhere, temporaryFolder("no-archive-state")));
  assert.equal(code, 2, stderr);
  assert.match(stderr, /about: .*nowhere\n {2}what to do: .*--archive.*\(ARCHIVE_ABSENT\)/s);
});

/** A small file system of its own needs a mount, and that a user namespace. */
const canMount =
  process.platform === "linux" && execaSync("unshare", ["-rm", "true"], { reject: false }).exitCode === 0;
const skip = canMount ? false : "this system lets no user mount a small file system";

test("a full disk of the mirror: exit 2 that names it, nothing half-received stays", { skip }, async () => {
  const archive = new ArchiveFolder(temporaryFolder("mirror-full-archive"));
  archive.putWalk(day, 1, 300);
  archive.putZip(addDays(day, 1), randomBytes(3_000_000));
  await using server = new ArchiveServer(archive.root);
  const state = temporaryFolder("mirror-full");
  const mirror = join(state, "mirror");
  mkdirSync(mirror);
  const script = 'mount -t tmpfs -o size=1m tmpfs "$1"; "${@:2}"; echo "exit $?"; find "$1" -name "*.part"';
  const launcher = join(projectRoot, "bin", "barkeep.mjs");
  const words = ["-rm", "bash", "-c", script, "bash", mirror, process.execPath, launcher];
  const { stdout, stderr } = await execa("unshare", [...words, ...populateWords(await server.start(), state)]);
  assert.match(stdout, /exit 2\n?$/, stderr);
  assert.match(
    stderr,
    /the disk of the mirror is full\n {2}about: .*mirror\n {2}what to do: .*mirror gc.*\(DISK_FULL\)/s,
  );
});

test(
  "a full disk is told as such also by a file that is open, whose error names no path",
  { skip: !existsSync("/dev/full") },
  () => {
    const file = openSync("/dev/full", "w");
    try {
      assert.throws(
        () => writeSync(file, "text"),
        (error) => {
          const explained = explainError(error);
          return explained instanceof Failure && explained.code === "DISK_FULL" && explained.subject === undefined;
        },
      );
    } finally {
      closeSync(file);
    }
  },
);
