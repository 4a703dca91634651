import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { loadSettings, readEnvironment, type Settings } from "../../lib/config/index.ts";
import { enqueueJobs, type JobRequest } from "../../lib/fleet/enqueue.ts";
import { openFleetHost, type OpenFleetHost } from "../../lib/fleet/fleet-host.ts";
import { changeHostMemory } from "../../lib/fleet/host-memory.ts";
import { lookAt } from "../../lib/fleet/look.ts";
import { openLedger, type Ledger } from "../../lib/ledger/index.ts";
import { parseSegmentId } from "../../lib/model/segments.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { temporaryFolder } from "../ops/run.ts";
import { localEntry } from "./local-entry.ts";
import { shellJob } from "../queue/tasks.ts";

let folder: string;
let host: OpenFleetHost;
let ledger: Ledger;
let settings: Settings;

beforeEach(async () => {
  folder = temporaryFolder("enqueue");
  settings = loadSettings({ state: join(folder, "state") }, readEnvironment({ BARKEEP_SETTINGS: "off" }));
  ledger = openLedger(settings.stateDirectory);
  host = openFleetHost(localEntry(join(folder, "barkeep"), 8), undefined);
  // What is queued waits.
  await host.queue.handshake();
  for (const group of ["p2", "p3"]) await host.queue.pauseGroup(group);
});

afterEach(async () => {
  await host.queue.cancel((await host.queue.poll()).tasks, "kill");
  await host[Symbol.asyncDispose]();
  ledger[Symbol.dispose]();
});

function requestOf(symbol: string): JobRequest {
  return {
    job: {
      venue: "binance",
      market: "spot",
      symbol,
      thresholds: [parseThreshold(250)],
      segment: parseSegmentId("2024"),
      group: "p2",
      document: { bar_version: 1 },
      barVersion: 1,
      archiveBytes: undefined,
    },
    memory: { requestBytes: 3e9, outgrownBytes: 0, basis: "guessed", reason: "a test" },
    memoryBytes: 3e9,
    seconds: 1,
  };
}

test("a job has to have room beside what another command has queued since the look", async () => {
  const look = await lookAt(host, true);
  const argv = ["true", "--memory-max", "6000000000"] as const;
  await host.queue.enqueue([shellJob(folder, "BBBUSDT@500:2024#1~0f", "", { argv, group: "p3" })]);
  const { held, queued } = await enqueueJobs(look, [requestOf("AAAUSDT")], settings, ledger);
  assert.deepEqual(queued, []);
  assert.match([...held.values()].join(), /it asks for .* and may run beside /);
});

test("a host that is drained behind the look is given nothing", async () => {
  const look = await lookAt(host, true);
  const word = { isDrained: true, since: new Date().toISOString() };
  await changeHostMemory(host, (memory) => ({ ...memory, word }));
  await assert.rejects(enqueueJobs(look, [requestOf("AAAUSDT")], settings, ledger), {
    name: "RefusedError",
    code: "HOST_DRAINED",
    hint: "barkeep undrain here",
  });
  assert.deepEqual((await host.queue.poll()).tasks, []);
  await changeHostMemory(host, (memory) => ({ ...memory, word: { ...word, isDrained: false } }));
  const { queued } = await enqueueJobs(look, [requestOf("AAAUSDT")], settings, ledger);
  assert.deepEqual(
    queued.map(({ label }) => label.split("~")[0]),
    ["AAAUSDT@250:2024#1"],
  );
});
