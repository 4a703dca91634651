import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { loadSettings, readEnvironment } from "../../lib/config/index.ts";
import { keepWord, tellHost, untoldWord } from "../../lib/fleet/drain-word.ts";
import { setDrained } from "../../lib/fleet/drain.ts";
import { openFleetHost, type OpenFleetHost } from "../../lib/fleet/fleet-host.ts";
import { changeHostMemory, readHostMemory } from "../../lib/fleet/host-memory.ts";
import { openLedger, type Ledger } from "../../lib/ledger/index.ts";
import { temporaryFolder } from "../ops/run.ts";
import { localEntry } from "./local-entry.ts";

let folder: string;
let host: OpenFleetHost;
/** Of another operator. */
let other: Ledger;

beforeEach(() => {
  folder = temporaryFolder("drain");
  other = openLedger(join(folder, "other"));
  host = openFleetHost(localEntry(join(folder, "barkeep"), 2), undefined);
});

afterEach(async () => {
  await host[Symbol.asyncDispose]();
  other[Symbol.dispose]();
});

/** Says it here. @returns whether it was so before */
async function say(isDrained: boolean, isPlan = false): Promise<boolean> {
  const settings = loadSettings({ state: join(folder, "operator") }, readEnvironment({ BARKEEP_SETTINGS: "off" }));
  const [said] = await setDrained([host.entry], isDrained, isPlan, settings, {});
  assert.equal(said?.scaled.failure, undefined);
  return said?.wasDrained === isDrained;
}

for (const isDrained of [true, false]) {
  const verb = isDrained ? "drain" : "undrain";
  test(`a repeated ${verb} is newer than what another operator said between, and could not tell the host`, async () => {
    await say(!isDrained);
    assert.equal(await say(isDrained), false);
    const first = (await readHostMemory(host)).word;
    keepWord(other, "here", {
      isDrained: !isDrained,
      since: new Date(Date.parse(first?.since ?? "") + 1).toISOString(),
    });

    assert.equal(await say(isDrained, true), true);
    assert.deepEqual((await readHostMemory(host)).word, first, "a plan changes nothing");
    assert.equal(await say(isDrained), true);
    const notes: string[] = [];
    await tellHost(host, other, (line) => notes.push(line));
    const { word } = await readHostMemory(host);
    assert.equal(word?.isDrained, isDrained);
    assert.ok(Date.parse(word?.since ?? "") > Date.parse(first?.since ?? ""));
    assert.match(notes.join(), /is dropped: it was/);
  });
}

test("what is said once more holds also where somebody with a clock ahead has spoken before, or has said otherwise since", async () => {
  const ahead = new Date(Date.now() + 3_600_000).toISOString();
  await changeHostMemory(host, (memory) => ({ ...memory, word: { isDrained: true, since: ahead } }));
  await say(true);
  const { word } = await readHostMemory(host);
  assert.ok(word?.isDrained === true && word.since > ahead);
  await changeHostMemory(host, (memory) => ({ ...memory, word: { ...word, isDrained: false } }));
  assert.equal(await say(true), false);
  assert.equal((await readHostMemory(host)).word?.isDrained, true);
});

test("of two words of the same moment the host keeps the one that it has, and it is said that the other is dropped", async () => {
  const since = new Date(1000).toISOString();
  await changeHostMemory(host, (memory) => ({ ...memory, word: { isDrained: true, since } }));
  keepWord(other, "here", { isDrained: false, since });
  const notes: string[] = [];
  await tellHost(host, other, (line) => notes.push(line));
  assert.match(notes.join(), /the undrain of .* is dropped: it was drained at/);
  assert.equal(untoldWord(other, "here"), undefined);
  assert.equal((await readHostMemory(host)).word?.isDrained, true);
});
