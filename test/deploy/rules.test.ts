import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { describeArtifact, packArtifact } from "../../lib/deploy/artifact.ts";
import { releaseFiles } from "../../lib/deploy/release-files.ts";
import { historyAfterDeploy, releaseBefore, removable } from "../../lib/deploy/retention.ts";
import { tarOf } from "../../lib/deploy/tar.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";
import { WorkingTree } from "./releases.ts";

test("an artifact is the same for the same files, whenever they were written, and another for others", async () => {
  const tree = new WorkingTree();
  const first = await describeArtifact(tree.root, false);
  utimesSync(join(tree.root, "bin/barkeep.mjs"), 1, 1);
  assert.equal((await describeArtifact(tree.root, false)).digest, first.digest);

  const folder = temporaryFolder("artifact");
  const { path, bytes } = await packArtifact(first, folder);
  assert.equal(statSync(path).size, bytes);
  const inode = statSync(path).ino;
  assert.equal((await packArtifact(first, folder)).path, path);
  assert.equal(statSync(path).ino, inode, "built once");
  const names = execFileSync("tar", ["-tzf", path], { encoding: "utf8" }).trim().split("\n");
  assert.deepEqual(
    names,
    first.files.map((file) => file.path),
  );
  assert.deepEqual(names, [...names].sort());

  tree.edit("bin/barkeep.mjs", (text) => `${text}\n`);
  const other = await describeArtifact(tree.root, false);
  assert.notEqual(other.digest, first.digest);
  await assert.rejects(packArtifact({ ...other, digest: first.digest, name: "0".repeat(16) }, folder), /changed/);
});

test("a release has what runs and nothing else", () => {
  const paths = releaseFiles(projectRoot, false).map(({ path }) => path);
  for (const needed of [
    "bin/supervise.mjs",
    "native/barkeep.node",
    "node_modules/node/bin/node",
    "ops/canary.ts",
    "systemd/barkeep-heal.service",
  ]) {
    assert.ok(paths.includes(needed), needed);
  }
  const unwanted = /^(?:test|bench|docs)\/|fleet\.toml|\.mise|typescript|fast-check|node_modules\/(?:@?chdb|esbuild)/;
  assert.deepEqual(
    paths.filter((path) => unwanted.test(path)),
    [],
  );
  assert.ok(releaseFiles(projectRoot, true).some(({ path }) => path.startsWith("node_modules/chdb/")));
});

test("a tar archive keeps bytes, modes and long paths, and refuses what it cannot hold", async () => {
  const folder = temporaryFolder("tar");
  const source = join(folder, "source");
  const text = Buffer.alloc(1_500, "x");
  writeFileSync(source, text);
  const long = `${"a".repeat(90)}/${"b".repeat(60)}/${"c".repeat(99)}`;
  const archive = join(folder, "it.tar");
  const files = [
    { path: "run", source, isExecutable: true },
    { path: long, source, isExecutable: false },
  ];
  writeFileSync(archive, await buffer(tarOf(files)));
  const out = join(folder, "out");
  mkdirSync(out);
  execFileSync("tar", ["-xf", archive, "-C", out]);
  assert.deepEqual(readFileSync(join(out, long)), text);
  assert.equal(statSync(join(out, "run")).mode & 0o777, 0o755);
  assert.equal(statSync(join(out, long)).mode & 0o777, 0o644);
  const tooLong = [{ path: "d".repeat(101), source, isExecutable: false }];
  await assert.rejects(buffer(tarOf(tooLong)), /cannot hold a path so long/);
});

test("what was current is the way back; the last three stay, and what is used", () => {
  assert.deepEqual(historyAfterDeploy([], undefined, "a"), ["a"]);
  assert.deepEqual(historyAfterDeploy(["a"], "a", "b"), ["a", "b"]);
  assert.deepEqual(historyAfterDeploy(["a", "b", "c"], "a", "d"), ["a", "d"], "gone back from b and c");
  assert.deepEqual(historyAfterDeploy(["a", "b"], "b", "a"), ["b", "a"], "an older one anew");
  assert.deepEqual(historyAfterDeploy(["a"], "x", "b"), ["a", "x", "b"], "somebody moved the link by hand");
  assert.equal(releaseBefore(["a", "b"], "b"), "a");
  assert.equal(releaseBefore(["a", "b"], "a"), undefined);
  assert.equal(releaseBefore(["a"], "x"), undefined);
  const all = ["a", "b", "c", "d", "z"];
  assert.deepEqual(removable(all, ["a", "b", "c", "d"], "d", new Set()), ["a", "z"]);
  assert.deepEqual(removable(all, ["a", "b", "c", "d"], "d", new Set(["a"])), ["z"]);
  assert.deepEqual(removable(all, ["a", "b", "c", "d"], "d", undefined), []);
});
