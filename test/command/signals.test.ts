import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { z } from "zod";
import { projectRoot, temporaryFolder } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";

/** A program that says it is ready and, once it is interrupted, what it saw; then it does what a test says. */
function programThat(onceInterrupted: string): string {
  return `
import { watchSignals } from ${JSON.stringify(join(projectRoot, "lib/command/signals.ts"))};
const signal = watchSignals();
signal.addEventListener("abort", () => {
  process.stdout.write("aborted: " + signal.reason.name + ": " + signal.reason.message + "\\n");
  ${onceInterrupted}
});
setInterval(() => undefined, 1000);
process.stdout.write("ready\\n");
`;
}

/** It works on for a while and ends by itself. */
const endsByItself = "setTimeout(() => process.exit(7), 100);";
const endsMuchLater = "setTimeout(() => process.exit(7), 120_000);";
/** It hears at once again what it has just heard, and ends by itself some time behind that. */
const hearsItAgain = `process.once("SIGINT", () => {
    process.stdout.write("heard again\\n");
    setTimeout(() => process.exit(7), 100);
  });
  process.kill(process.pid, "SIGINT");`;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const exitEvent = z.tuple([z.number().nullable(), z.unknown()]);

/** Longer than what counts as one and the same signal. */
const pauseMs = 400;

/** Sends the signals; the second one a while after the first one was heard. */
async function signalled(program: string, first: NodeJS.Signals, second?: NodeJS.Signals): Promise<Ended> {
  const file = join(temporaryFolder("signals"), "program.ts");
  writeFileSync(file, program);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const closed = once(child, "close");
  await eventually("it listens", () => stdout.includes("ready"));
  child.kill(first);
  if (second !== undefined) {
    await eventually("it has heard the first", () => stdout.includes("aborted"));
    await sleep(pauseMs);
    child.kill(second);
  }
  const [code] = exitEvent.parse(await closed);
  return { code, stdout, stderr };
}

for (const name of ["SIGINT", "SIGTERM"] as const) {
  test(`the first ${name} asks the work to stop and lets it end by itself`, async () => {
    const { code, stdout, stderr } = await signalled(programThat(endsByItself), name);
    assert.equal(code, 7, "its own exit code");
    assert.equal(stdout, `ready\naborted: AbortError: interrupted by ${name}\n`);
    assert.equal(stderr, "stopping after the current commit; once more stops at once\n");
  });
}

test("the second ends it at once with 130, also when it is of the other kind", async () => {
  for (const second of ["SIGINT", "SIGTERM"] as const) {
    const { code, stderr } = await signalled(programThat(endsMuchLater), "SIGINT", second);
    assert.equal(code, 130);
    assert.equal(stderr.split("\n").length, 2, "said once");
  }
});

test("one Ctrl-C that launchers pass on as two is one", async () => {
  const { code, stdout } = await signalled(programThat(hearsItAgain), "SIGINT");
  assert.match(stdout, /^heard again$/m);
  assert.equal(code, 7);
});
