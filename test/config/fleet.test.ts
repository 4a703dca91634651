import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  fleetHost,
  loadFleet,
  loadSettings,
  parseFleet,
  projectRoot,
  readEnvironment,
} from "../../lib/config/index.ts";
import { ConfigurationError } from "../../lib/model/errors.ts";
import { temporaryFolder } from "../ops/run.ts";

const remote = `[hosts.bigbox]
ssh = "bigbox.lan"
directory = "/home/keeper/barkeep"
queue = "pueue"
memory_mb = 48000
jobs_max = 8
store_url = "http://localhost:8123/"
thresholds = [250, 1000]
services = ["pueued"]
`;

function refusal(call: () => unknown): ConfigurationError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

function fleetFileOf(flags: object, env: object = {}): string | undefined {
  return loadSettings(flags, readEnvironment({ BARKEEP_SETTINGS: "off", ...env })).fleetFile;
}

/** The problem that a change of the good file makes. */
function problemWith(from: string | RegExp, to: string): string {
  const text = remote.replace(from, to);
  assert.notEqual(text, remote);
  const error = refusal(() => parseFleet(text, "fleet.toml"));
  assert.equal(error.code, "FLEET_INVALID");
  assert.match(error.hint ?? "", /docs\/fleet\.md/);
  return error.message;
}

test("a remote host with every key, and this machine with the least", () => {
  const fleet = parseFleet(
    `${remote}
[hosts.here]
ssh = "local"
directory = "work"
queue = "local"
memory_mb = 8000
jobs_max = 2
`,
    "/etc/barkeep/fleet.toml",
  );
  assert.deepEqual(fleetHost(fleet, "bigbox"), {
    name: "bigbox",
    sshAlias: "bigbox.lan",
    directory: "/home/keeper/barkeep",
    queue: "pueue",
    memoryMb: 48_000,
    jobsMax: 8,
    storeUrl: "http://localhost:8123",
    thresholds: [250, 1000],
    services: ["pueued"],
  });
  assert.deepEqual(fleetHost(fleet, "here"), {
    name: "here",
    sshAlias: undefined,
    directory: "/etc/barkeep/work",
    queue: "local",
    memoryMb: 8000,
    jobsMax: 2,
    storeUrl: undefined,
    thresholds: undefined,
    services: [],
  });
  const unknown = refusal(() => fleetHost(fleet, "bigbo"));
  assert.equal(unknown.code, "UNKNOWN_HOST");
  assert.match(unknown.hint ?? "", /bigbox, here/);
});

test("the committed fleet has this machine, and the remote host in its comments is valid too", () => {
  const { fleetFile } = loadSettings({}, readEnvironment({ BARKEEP_SETTINGS: "off" }));
  assert.equal(fleetFile, join(projectRoot, "fleet.toml"));
  const fleet = loadFleet(fleetFile);
  assert.deepEqual([...fleet.hosts.keys()], ["here"]);
  assert.equal(fleetHost(fleet, "here").directory, join(projectRoot, ".barkeep"));
});

test("every problem is told with file, line and key", () => {
  assert.match(
    problemWith('queue = "pueue"', 'queue = "cron"'),
    /^fleet\.toml:4: hosts\.bigbox\.queue must be one of pueue/,
  );
  assert.match(problemWith("queue", "qeue"), /fleet\.toml:4: hosts\.bigbox\.qeue is not a key/);
  assert.match(problemWith("queue", "qeue"), /hosts\.bigbox\.queue is missing/);
  assert.match(problemWith("48000", "0"), /:5: hosts\.bigbox\.memory_mb must be at least 1/);
  assert.match(problemWith("jobs_max = 8", 'jobs_max = "8"'), /:6: hosts\.bigbox\.jobs_max must be a whole number/);
  assert.match(problemWith("/home", "~/home"), /:3: hosts\.bigbox\.directory must be absolute/);
  assert.match(problemWith("bigbox.lan", "-oProxyCommand=x"), /:2: hosts\.bigbox\.ssh must be a Host/);
  assert.match(problemWith("250,", "250.5,"), /:8: hosts\.bigbox\.thresholds\.0 must be a whole number/);
  assert.match(problemWith("[250, 1000]", "[]"), /:8: hosts\.bigbox\.thresholds must not be empty/);
  assert.match(problemWith("pueued", "puued"), /:9: hosts\.bigbox\.services\.0 must be of pueued, autoscale/);
  assert.match(problemWith(/store_url.*\n/, ""), /:2: hosts\.bigbox\.ssh is remote, so store_url must be given/);
  assert.match(problemWith("http:", "tcp:"), /:7: hosts\.bigbox\.store_url must be an http\(s\) URL/);
  assert.match(problemWith("hosts.bigbox", 'hosts."Big box"'), /:1: hosts\.Big box is not a host's name/);
});

test("a password in a store's URL is refused without being repeated", () => {
  const message = problemWith("http://", "http://default:hunter2@");
  assert.match(message, /store_url must hold no user or password/);
  assert.ok(!message.includes("hunter2"));
});

test("a file that is none, cannot be read or is not TOML", () => {
  assert.equal(refusal(() => loadFleet(undefined)).code, "NO_FLEET");
  assert.equal(refusal(() => loadFleet("/nowhere/fleet.toml")).code, "FLEET_UNREADABLE");
  const error = refusal(() => parseFleet("[hosts.a\n", "f.toml"));
  assert.equal(error.code, "FLEET_SYNTAX");
  assert.match(error.subject ?? "", /^f\.toml:1:/);
});

test("the fleet is the named one, else the one beside the registry", () => {
  const folder = temporaryFolder("fleet");
  const symbols = join(folder, "symbols.toml");
  assert.equal(fleetFileOf({ symbols }), undefined);
  writeFileSync(join(folder, "fleet.toml"), remote);
  assert.equal(fleetFileOf({ symbols }), join(folder, "fleet.toml"));
  assert.equal(fleetFileOf({ symbols }, { BARKEEP_FLEET: "/e.toml" }), "/e.toml");
  assert.equal(fleetFileOf({ symbols, fleet: "/f.toml" }, { BARKEEP_FLEET: "/e.toml" }), "/f.toml");
});
