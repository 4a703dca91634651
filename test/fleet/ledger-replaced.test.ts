import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadSettings, readEnvironment, type FleetHost } from "../../lib/config/index.ts";
import { scaleUntil } from "../../lib/fleet/scale/autoscale.ts";
import { openLedger, rebuildLedger } from "../../lib/ledger/index.ts";
import { temporaryFolder } from "../ops/run.ts";

test("an autoscaler that runs on goes on with a ledger that was made anew", async () => {
  const folder = temporaryFolder("autoscale-ledger");
  const state = join(folder, "state");
  const entry: FleetHost = {
    name: "here",
    sshAlias: undefined,
    directory: join(folder, "barkeep"),
    queue: "local",
    memoryMb: 8000,
    jobsMax: 2,
    storeUrl: undefined,
    thresholds: undefined,
    services: [],
  };
  mkdirSync(entry.directory);
  const settings = loadSettings({ state }, readEnvironment({ BARKEEP_SETTINGS: "off" }));
  const end = new AbortController();
  const failures: (string | undefined)[] = [];
  let rebuilt: Promise<unknown> | undefined;
  await scaleUntil([entry], 10, settings, {}, end.signal, ({ failure }) => {
    failures.push(failure?.code);
    rebuilt ??= rebuildLedger(state, undefined, end.signal);
    const replaced = failures.indexOf("LEDGER_REPLACED");
    if ((replaced >= 0 && failures.length > replaced + 2) || failures.length > 100) end.abort();
  });
  await rebuilt;
  assert.deepEqual(
    [failures.filter((code) => code !== undefined), failures.length > 100],
    [["LEDGER_REPLACED"], false],
  );
  using ledger = openLedger(state);
  assert.equal(ledger.journal.last(100, { kind: "scaler.decided" }).length > 0, true);
});
