import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Host } from "../../lib/hosts/host.ts";
import { LocalHost } from "../../lib/hosts/local-host.ts";
import { temporaryFolder } from "../ops/run.ts";
import { noSshd, Sshd, sshHostOf } from "../rig/sshd.ts";

let sshd: Sshd | undefined;
let remote: Host | undefined;

before(async () => {
  if (noSshd !== false) return;
  sshd = await Sshd.start();
  remote = sshHostOf(sshd);
});
after(async () => {
  await remote?.close();
  await sshd?.[Symbol.asyncDispose]();
});

const kinds = [
  { kind: "over SSH", skip: noSshd, host: () => remote ?? assert.fail("there is no sshd") },
  { kind: "on this machine", skip: false, host: () => new LocalHost("here") },
] as const;

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

for (const { kind, skip, host } of kinds) {
  describe(kind, { skip }, () => {
    test("64 MB arrive as they are, over what had the name, and leave nothing else behind", async () => {
      const folder = temporaryFolder("upload");
      const [source, target] = [join(folder, "source"), join(folder, "there", "target")];
      const bytes = randomBytes(64 * 1024 * 1024 + 7);
      writeFileSync(source, bytes);
      mkdirSync(join(folder, "there"));
      writeFileSync(target, "the old one");
      await host().upload(source, target, 0o755);
      assert.equal(digest(readFileSync(target)), digest(bytes));
      assert.equal(statSync(target).mode & 0o777, 0o755);
      assert.deepEqual(readdirSync(join(folder, "there")), ["target"]);
    });

    test("a reader sees the old text or the new one while it is replaced again and again", async () => {
      const path = join(temporaryFolder("replace"), "file");
      const texts = ["a".repeat(200_000), "b".repeat(100_000)];
      await host().writeFile(path, texts[0] ?? "");
      const done = new AbortController();
      const writing = (async () => {
        for (let i = 0; i < 20; i += 1) await host().writeFile(path, texts[i % 2] ?? "");
        done.abort();
      })();
      while (!done.signal.aborted) {
        const text = (await host().readFile(path))?.toString();
        assert.ok(text !== undefined && texts.includes(text));
      }
      await writing;
    });

    test("a small file: its text, its mode, nobody else's to read unless said so; none is none", async () => {
      const folder = temporaryFolder("small");
      const path = join(folder, "a 'name' with $(signs) é");
      await host().writeFile(path, "text\n");
      assert.equal(readFileSync(path, "utf8"), "text\n");
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal((await host().readFile(path))?.toString(), "text\n");
      await host().writeFile(path, new Uint8Array(), 0o644);
      assert.equal(statSync(path).mode & 0o777, 0o644);
      assert.deepEqual(await host().readFile(path), Buffer.alloc(0));
      assert.equal(await host().readFile(join(folder, "none")), undefined);
    });

    test("an upload that cannot be done leaves the old file and no temporary one", async () => {
      const folder = temporaryFolder("cannot");
      const path = join(folder, "file");
      writeFileSync(path, "the old one");
      await assert.rejects(host().upload(join(folder, "no-source"), path), { code: "ENOENT" });
      await assert.rejects(host().writeFile(join(folder, "no", "such", "folder"), ""), { code: "HOST_NO_FOLDER" });
      assert.deepEqual(readdirSync(folder), ["file"]);
      assert.equal(readFileSync(path, "utf8"), "the old one");
    });
  });
}
