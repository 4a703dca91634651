import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { z } from "zod";
import { projectRoot, temporaryFolder } from "../ops/run.ts";

/** A program that says it is ready, works on after an interruption for a while, and then says what it saw. */
const program = `
import { watchSignals } from ${JSON.stringify(join(projectRoot, "lib/command/signals.ts"))};
const signal = watchSignals();
process.stdout.write("ready\\n");
signal.addEventListener("abort", () => {
  process.stdout.write("aborted: " + signal.reason.name + ": " + signal.reason.message + "\\n");
  setTimeout(() => process.exit(7), 1500);
});
setInterval(() => undefined, 1000);
`;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const exitEvent = z.tuple([z.number().nullable(), z.unknown()]);

/** Sends the signals, each after a pause in ms counted from the one before. */
async function signalled(signals: ReadonlyArray<readonly [NodeJS.Signals, number]>): Promise<Ended> {
  const file = join(temporaryFolder("signals"), "program.ts");
  writeFileSync(file, program);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const closed = once(child, "close");
  await once(child.stdout, "data");
  for (const [name, pauseMs] of signals) {
    await sleep(pauseMs);
    child.kill(name);
  }
  const [code] = exitEvent.parse(await closed);
  return { code, stdout, stderr };
}

for (const name of ["SIGINT", "SIGTERM"] as const) {
  test(`the first ${name} asks the work to stop and lets it end by itself`, async () => {
    const { code, stdout, stderr } = await signalled([[name, 0]]);
    assert.equal(code, 7, "its own exit code");
    assert.equal(stdout, `ready\naborted: AbortError: interrupted by ${name}\n`);
    assert.equal(stderr, "stopping after the current commit; once more stops at once\n");
  });
}

test("the second ends it at once with 130, also when it is of the other kind", async () => {
  for (const second of ["SIGINT", "SIGTERM"] as const) {
    const { code, stderr } = await signalled([
      ["SIGINT", 0],
      [second, 600],
    ]);
    assert.equal(code, 130);
    assert.equal(stderr.split("\n").length, 2, "said once");
  }
});

test("one Ctrl-C that launchers pass on as two is one", async () => {
  const { code } = await signalled([
    ["SIGINT", 0],
    ["SIGINT", 50],
  ]);
  assert.equal(code, 7);
});
