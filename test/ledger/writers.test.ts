import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { openLedger } from "../../lib/ledger/index.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";

const program = `
import { openLedger } from ${JSON.stringify(join(projectRoot, "lib/ledger/index.ts"))};
const [state, name] = process.argv.slice(1);
const ledger = openLedger(state);
for (let i = 0; i < 100; i += 1) ledger.journal.record("test.written", name, { i });
ledger.close();
`;

test("processes that open a new ledger at the same moment and write side by side lose nothing", async () => {
  const state = join(temporaryFolder("ledger-writers"), "state");
  const names = ["a", "b", "c"];
  const children = names.map((name) =>
    spawn(process.execPath, ["--input-type=module", "-e", program, state, name], { stdio: "inherit" }),
  );
  await Promise.all(children.map(async (child) => once(child, "exit")));
  assert.deepEqual(
    children.map(({ exitCode }) => exitCode),
    [0, 0, 0],
  );
  using ledger = openLedger(state);
  const events = ledger.journal.last(1000);
  assert.equal(events.length, 300);
  for (const name of names) {
    const own = events.filter(({ subject }) => subject === name).map(({ details }) => details);
    assert.deepEqual(
      own,
      Array.from({ length: 100 }, (_, i) => ({ i })),
    );
  }
});
