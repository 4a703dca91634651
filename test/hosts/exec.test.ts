import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import type { Host } from "../../lib/hosts/host.ts";
import { LocalHost } from "../../lib/hosts/local-host.ts";
import { noSshd, Sshd, sshHostOf } from "../rig/sshd.ts";
import { temporaryFolder } from "../ops/run.ts";

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

/** Does the process whose id a file holds still run? */
function isAlive(file: string): boolean {
  const pid = Number(readFileSync(file, "utf8"));
  assert.ok(pid > 1);
  try {
    // One that has ended and that nobody has waited for still has a folder there.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    // It may go while it is read.
    if (error instanceof Error && "code" in error && ["ENOENT", "ESRCH"].includes(String(error.code))) return false;
    throw error;
  }
}

/** The tests of one interface, for both that implement it. */
const kinds = [
  { kind: "over SSH", skip: noSshd, host: () => remote ?? assert.fail("there is no sshd") },
  { kind: "on this machine", skip: false, host: () => new LocalHost("here") },
] as const;

for (const { kind, skip, host } of kinds) {
  const run = async (argv: readonly string[], more: object = {}) => host().exec(argv, { cwd: "/", ...more });
  const sh = async (script: string, more: object = {}) => run(["sh", "-c", script], more);
  const printWords = async (words: readonly string[]): Promise<string[]> =>
    (await run(["printf", "%s\\0", "", ...words])).stdout.split("\0").slice(1, -1);

  describe(kind, { skip }, () => {
    test("a command's code, its signal and its two outputs", async () => {
      assert.deepEqual(await sh("echo out; echo err >&2; exit 7"), {
        code: 7,
        signal: null,
        stdout: "out\n",
        stderr: "err\n",
      });
      assert.deepEqual(await sh("kill -9 $$"), { code: null, signal: "SIGKILL", stdout: "", stderr: "" });
      assert.equal((await run(["no-such-program-here"])).code, 127);
      assert.equal((await run(["/etc/passwd"])).code, 126);
    });

    test("standard input is what was given, else at its end", async () => {
      const bytes = randomBytes(3_000_000);
      const { stdout } = await run(["sha256sum"], { input: bytes });
      assert.equal(stdout.split(" ")[0], createHash("sha256").update(bytes).digest("hex"));
      assert.deepEqual(await run(["cat"]), { code: 0, signal: null, stdout: "", stderr: "" });
      // Who reads no input is not disturbed by it.
      assert.equal((await run(["true"], { input: bytes })).code, 0);
    });

    test("big output comes whole, too much ends the command", async () => {
      const { stdout } = await sh("yes 0123456789abcde | head -c 20000000");
      assert.equal(stdout.length, 20_000_000);
      assert.ok(stdout.endsWith("0123456789abcde\n"));
      await assert.rejects(run(["yes"], { outputBytesMax: 1_000_000 }), { code: "HOST_OUTPUT" });
    });

    test("every argument arrives as it is", async () => {
      const known = ["", " ", "a b", "'", '"', "''", "a'b", "&& id", "; id", "$(id)", "`id`", "$HOME", "~", "*", "-x"];
      const more = [
        "--",
        "\n",
        "a\nb",
        "\\",
        "\\n",
        "é漢🙂",
        "!",
        "#",
        "a=b",
        "\t",
        "%s",
        "{a,b}",
        "\u0001",
        ">x",
        "|",
      ];
      assert.deepEqual(await printWords([...known, ...more]), [...known, ...more]);
      const nasty = fc.constantFrom(...known, ...more);
      const text = fc.string({ unit: "binary" }).filter((word) => word.isWellFormed() && !word.includes("\0"));
      const word = fc.oneof(
        text,
        fc.array(nasty).map((parts) => parts.join("")),
      );
      const words = fc.array(word, { maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(words, async (all) => {
          assert.deepEqual(await printWords(all), all);
        }),
        { numRuns: 25 },
      );
    });

    test("a program's own name and its variables are quoted too; what no command line can hold is refused", async () => {
      const { stdout } = await sh('printf %s "$A"', { env: { A: "it's; $(id)\n*" } });
      assert.equal(stdout, "it's; $(id)\n*");
      assert.equal((await run(["no such; program"])).code, 127);
      await assert.rejects(run(["echo", "a\0b"]), Error);
      await assert.rejects(run(["-x"]), TypeError);
      await assert.rejects(run([]), TypeError);
    });

    test("too long: the command and what it has started are ended, gently first", async () => {
      const folder = temporaryFolder("timeout");
      const script = 'trap "echo bye > term; exit 3" TERM; sleep 60 & echo $! > child; echo $$ > pid; wait';
      await assert.rejects(host().exec(["sh", "-c", script], { cwd: folder, timeoutMs: 3_000 }), {
        name: "RetryableError",
        code: "HOST_TIMEOUT",
      });
      assert.equal(readFileSync(join(folder, "term"), "utf8"), "bye\n");
      for (const name of ["pid", "child"]) assert.equal(isAlive(join(folder, name)), false, name);
    });

    test("an abort ends it too, and what heeds no SIGTERM is killed", async () => {
      const folder = temporaryFolder("abort");
      const aborting = new AbortController();
      const reason = new Error("enough");
      const script = 'trap "" TERM; echo $$ > pid; while :; do sleep 1; done';
      const running = host().exec(["sh", "-c", script], { cwd: folder, signal: aborting.signal });
      while (!existsSync(join(folder, "pid"))) await sleep(20);
      aborting.abort(reason);
      await assert.rejects(running, reason);
      assert.equal(isAlive(join(folder, "pid")), false);
      await assert.rejects(run(["true"], { signal: AbortSignal.abort(reason) }), reason);
    });

    test("a command as a stream: its pid, its output as it comes, its end", async () => {
      const script = "echo $$; read line; echo $line";
      const command = await host().start(["sh", "-c", script], { cwd: "/", input: "given\n" });
      let text = "";
      command.stderr.resume();
      for await (const chunk of command.stdout) text += String(chunk);
      assert.equal(text, `${command.pid}\ngiven\n`);
      assert.deepEqual(await command.ended, { code: 0, signal: null });
      await command.kill();
    });

    test("this program's environment is not the command's", async () => {
      process.env["CLICKHOUSE_PASSWORD"] = "hunter2";
      try {
        assert.ok(!(await run(["env"])).stdout.includes("hunter2"));
      } finally {
        delete process.env["CLICKHOUSE_PASSWORD"];
      }
    });

    test("the folder is absolute and there", async () => {
      const folder = temporaryFolder("a 'folder'");
      assert.equal((await host().exec(["pwd"], { cwd: folder })).stdout, `${folder}\n`);
      await assert.rejects(host().exec(["pwd"], { cwd: "relative" }), TypeError);
      await assert.rejects(host().exec(["pwd"], { cwd: `${folder}/none` }), { code: "HOST_NO_FOLDER" });
    });
  });
}
