import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ledgerPath, openLedger, rebuildLedger, type Ledger } from "../../lib/ledger/index.ts";
import { OldLedger } from "../../lib/ledger/salvage.ts";
import { ConsoleChannel } from "../../lib/notify/console.ts";
import { deliver } from "../../lib/notify/deliver.ts";
import { temporaryFolder } from "../ops/run.ts";

const never = new AbortController().signal;

function newState(): string {
  return join(temporaryFolder("ledger-rebuild"), "state");
}

function enqueue({ outbox }: Ledger, fingerprint: string): boolean {
  return outbox.enqueue({ fingerprint, severity: "critical", text: fingerprint });
}

function mustNotHappen(): void {
  assert.fail("it was changed all the same");
}

test("who has the ledger open when it is made anew sends and keeps nothing by the old file, and goes on with the new one", async () => {
  const state = newState();
  const printed: string[] = [];
  const channels = [new ConsoleChannel((line) => printed.push(line))];
  using before = openLedger(state);
  enqueue(before, "a hole");
  const { aside = "" } = await rebuildLedger(state, undefined, never);
  using after = openLedger(state);
  assert.deepEqual([(await deliver(after, channels, never)).sent, printed], [1, ["a hole"]]);
  await assert.rejects(deliver(before, channels, never), { code: "LEDGER_REPLACED" });
  assert.deepEqual(printed, ["a hole"]);
  for (const write of [() => enqueue(before, "another"), () => before.heartbeats.start(undefined)]) {
    assert.throws(write, { code: "LEDGER_REPLACED" });
  }
  assert.equal(after.heartbeats.last(), undefined);
  before.close();
  assert.deepEqual(
    [after.outbox.pending(), enqueue(after, "a third")],
    [0, true],
    "its end takes nothing from the new one",
  );
  assert.ok(existsSync(aside));
});

test("the file aside is one file; who was killed with the ledger open is in nobody's way", async () => {
  const state = newState();
  const script = `const { openLedger } = await import("./lib/ledger/index.ts");
const ledger = openLedger(process.argv[1]);
ledger.outbox.enqueue({ fingerprint: "a hole", severity: "critical", text: "a hole" });
process.kill(process.pid, "SIGKILL");`;
  const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script, state]);
  assert.equal(signal, "SIGKILL");
  await rebuildLedger(state, undefined, never);
  const names = readdirSync(state).filter((name) => name.startsWith("ledger.sqlite.aside-"));
  assert.deepEqual([names.length, names[0]?.endsWith("Z")], [1, true]);
  using ledger = openLedger(state);
  assert.deepEqual(
    ledger.outbox.waiting().map(({ text }) => text),
    ["a hole"],
  );
});

test("what is written into the old file while the new one is made keeps it in its place; nobody writes while they change places", () => {
  const state = newState();
  using ledger = openLedger(state, { timeoutMs: 0 });
  using old = new OldLedger(ledgerPath(state));
  old.whileUnchanged(() => {
    assert.throws(() => enqueue(ledger, "a hole"), { code: "LEDGER_LOCKED" });
  });
  enqueue(ledger, "a hole");
  assert.throws(() => old.whileUnchanged(mustNotHappen), { code: "LEDGER_IN_USE" });
  assert.equal(enqueue(ledger, "another"), true, "nothing is held behind it");
});

test("a rebuild is refused while a repair of another process is at work", async () => {
  const state = newState();
  using ledger = openLedger(state);
  ledger.healTries.start([{ gap: "a gap", unit: "BTCUSDT@250:2024" }]);
  const script = `const { rebuildLedger } = await import("./lib/ledger/index.ts");
await rebuildLedger(process.argv[1], undefined, new AbortController().signal).catch(({ code }) => console.log(code));`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script, state], { encoding: "utf8" });
  assert.equal(stdout.trim(), "LEDGER_IN_USE");
});
