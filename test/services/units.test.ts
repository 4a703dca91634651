import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadSettings, parseFleet, projectRoot, readEnvironment } from "../../lib/config/index.ts";
import { serviceNames } from "../../lib/model/services.ts";
import { fleetText, servicePlace } from "../../lib/services/host-settings.ts";
import { renderUnit, unitsOf } from "../../lib/services/units.ts";
import { read } from "../docs/pages.ts";
import { temporaryFolder } from "../ops/run.ts";

const files = serviceNames.flatMap((name) => unitsOf(name).files);
const example = /```toml\n([^]*?)```/.exec(read("docs/fleet.md"))?.[1] ?? "";
const fleet = parseFleet(example, "/etc/fleet.toml");

function hostOf(name: string): ReturnType<typeof fleet.hosts.get> & object {
  const host = fleet.hosts.get(name);
  assert.ok(host !== undefined);
  return host;
}

const noAnalyze = spawnSync("systemd-analyze", ["--version"]).status === 0 ? false : "there is no systemd-analyze";

test("every template of systemd/ belongs to a service", () => {
  assert.deepEqual(readdirSync(join(projectRoot, "systemd")).sort(), [...files].sort());
});

test("systemd accepts every unit, whatever its words hold", { skip: noAnalyze }, () => {
  const folder = temporaryFolder("units");
  const program = join(folder, "100% of it $HOME.sh");
  writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
  const values = { barkeep: [program, 'a "b" \\'], settingsFile: join(folder, "$x %h.toml"), pueued: program };
  for (const file of files) writeFileSync(join(folder, file), renderUnit(file, values));
  const { status, stderr } = spawnSync(
    "systemd-analyze",
    ["--user", "verify", ...files.map((file) => join(folder, file))],
    // It wants one, and looks for nothing in it.
    { encoding: "utf8", env: { ...process.env, XDG_RUNTIME_DIR: folder } },
  );
  assert.deepEqual([status, stderr.split("\n").filter((line) => line.includes(folder))], [0, []], stderr);
});

test("another machine's services get a fleet of which it is the only host", () => {
  const host = hostOf("bigbox");
  const there = parseFleet(fleetText(host), "/srv/fleet.toml").hosts.get("bigbox");
  assert.deepEqual(there, { ...host, sshAlias: undefined, services: [] });
});

test("services work by the settings that hold; another machine's name its own places, and none that only this one has", () => {
  const environment = readEnvironment({
    BARKEEP_SETTINGS: "off",
    CLICKHOUSE_USER: "keeper",
    CLICKHOUSE_PASSWORD: 'a "secret"',
    RANGEBAR_MODE: "remote",
    RANGEBAR_MIN_THRESHOLD_BTCUSDT: "100",
    BARKEEP_SSH_CONFIG: "/home/me/.ssh/config",
    BARKEEP_ARCHIVE: "https://data.binance.vision/",
    HOME: "/home/me",
  });
  const settings = loadSettings({ state: "/var/state" }, environment);
  const linesOf = (name: string): string[] => {
    const { files, settingsFile } = servicePlace(hostOf(name), settings, environment.values);
    return (
      files
        .find(({ path }) => path === settingsFile)
        ?.text.trim()
        .split("\n")
        .sort() ?? []
    );
  };
  const shared = [
    'BARKEEP_ARCHIVE = "https://data.binance.vision"',
    String.raw`CLICKHOUSE_PASSWORD = "a \"secret\""`,
    'CLICKHOUSE_USER = "keeper"',
    'RANGEBAR_MIN_THRESHOLD_BTCUSDT = "100"',
    "[env]",
  ];
  assert.deepEqual(
    linesOf("bigbox"),
    [
      ...shared,
      'BARKEEP_FLEET = "/home/keeper/barkeep/services/fleet.toml"',
      'BARKEEP_STATE = "/home/keeper/barkeep"',
      'BARKEEP_SYMBOLS = "/home/keeper/barkeep/services/symbols.toml"',
      'CLICKHOUSE_URL = "http://localhost:8123"',
    ].sort(),
  );
  assert.deepEqual(
    linesOf("here"),
    [
      ...shared,
      `BARKEEP_FLEET = ${JSON.stringify(settings.fleetFile)}`,
      'BARKEEP_SSH_CONFIG = "/home/me/.ssh/config"',
      'BARKEEP_STATE = "/var/state"',
      `BARKEEP_SYMBOLS = ${JSON.stringify(settings.symbolsFile)}`,
      'RANGEBAR_MODE = "remote"',
    ].sort(),
  );
});
