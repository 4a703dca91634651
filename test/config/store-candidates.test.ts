import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describeCandidate,
  findStore,
  loadSettings,
  readEnvironment,
  storeCandidates,
  type ProcessEnvironment,
} from "../../lib/config/index.ts";

/** The places that an environment leads to, in words. */
function placesOf(env: ProcessEnvironment): string[] {
  const { storeMode, storeUrl, storeHosts, storePrimary } = loadSettings(
    {},
    readEnvironment({ BARKEEP_SETTINGS: "off", ...env }),
  );
  const search = { mode: storeMode, storeUrl, hosts: storeHosts, primary: storePrimary };
  return storeCandidates(search).map((candidate) => describeCandidate(candidate));
}

const here = "http://localhost:8123";
const hosts = { RANGEBAR_CH_HOSTS: "one, two", RANGEBAR_CH_PRIMARY: "two" };
const twoThenOne = ["two, port 8123", "two through SSH, port 8123", "one, port 8123", "one through SSH, port 8123"];

test("each mode looks in its places, in its order", () => {
  assert.deepEqual(placesOf({}), [here]);
  assert.deepEqual(placesOf(hosts), [here, ...twoThenOne]);
  assert.deepEqual(placesOf({ ...hosts, CLICKHOUSE_HOST: "db" }), ["http://db:8123", ...twoThenOne]);
  assert.deepEqual(placesOf({ ...hosts, RANGEBAR_MODE: "local" }), [here]);
  assert.deepEqual(placesOf({ ...hosts, RANGEBAR_MODE: "remote", CLICKHOUSE_HOST: "db" }), twoThenOne);
  assert.deepEqual(placesOf({ RANGEBAR_MODE: "remote", RANGEBAR_CH_PRIMARY: "two" }), twoThenOne.slice(0, 2));
  assert.deepEqual(placesOf({ ...hosts, RANGEBAR_MODE: "cloud", CLICKHOUSE_URL: "https://db:8443" }), [
    "https://db:8443",
  ]);
});

test("a mode without what it needs, or that is none, is told with the setting's name", () => {
  assert.throws(() => placesOf({ RANGEBAR_MODE: "remote" }), { code: "BAD_SETTING", subject: "RANGEBAR_CH_HOSTS" });
  assert.throws(() => placesOf({ RANGEBAR_MODE: "cloud" }), { code: "BAD_SETTING", subject: "CLICKHOUSE_HOST" });
  assert.throws(() => placesOf({ RANGEBAR_MODE: "far" }), { subject: "RANGEBAR_MODE (environment)" });
});

test("places are tried in order until the store answers, and all are named where none does", async () => {
  const candidates = storeCandidates({ mode: "auto", storeUrl: undefined, hosts: ["one"], primary: undefined });
  const tried = await findStore(candidates, async ({ kind }) => (kind === "direct" ? undefined : "refused"));
  assert.deepEqual(
    tried.map(({ candidate, problem }) => [candidate.kind, problem]),
    [
      ["server", "refused"],
      ["direct", undefined],
    ],
  );
  await assert.rejects(
    findStore(candidates, async ({ kind }) => `${kind} says no`),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, "NO_STORE");
      for (const kind of ["server", "direct", "tunnel"]) assert.ok(error.message.includes(`${kind} says no`));
      return true;
    },
  );
});
