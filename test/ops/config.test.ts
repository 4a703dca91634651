import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { settingDefinition, settingDefinitions } from "../../lib/config/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { barkeep, projectRoot, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("config");
const settingsFile = join(folder, "settings.toml");
const secret = "hunter2-in-a-file";
writeFileSync(
  settingsFile,
  `[env]
BARKEEP_STATE = "state"
BARKEEP_ARCHIVE = "https://archive.example"
CLICKHOUSE_PASSWORD = "${secret}"
RANGEBAR_OUROBOROS_MODE = "month"
RANGEBAR_MIN_THRESHOLD_SHIBUSDT = 250
`,
);
// Empty is no value: what the tests themselves are run with does not show.
const env = { BARKEEP_SETTINGS: settingsFile, BARKEEP_NOTIFY: "" };

const rowsShape = z.object({
  version: z.literal(1),
  settings: z.array(
    z.object({
      name: z.string(),
      value: z.string().nullable(),
      from: z.string(),
      env: z.string(),
      describe: z.string(),
    }),
  ),
});

async function rows(
  words: readonly string[],
  more: Record<string, string> = {},
): Promise<Map<string, readonly [value: string | null, from: string]>> {
  const { code, stdout, stderr } = await barkeep(["config", "--json", ...words], { ...env, ...more });
  assert.equal(code, exitCodes.ok, stderr);
  return new Map(rowsShape.parse(JSON.parse(stdout)).settings.map(({ name, value, from }) => [name, [value, from]]));
}

test("every setting with its value and its origin: flag, environment, settings file, default, not set", async () => {
  const all = await rows(["--market", "spot"], {
    CLICKHOUSE_HOST: "db.example",
    CLICKHOUSE_PORT: "9123",
    RANGEBAR_CH_HOSTS: "one,two",
    RANGEBAR_FOREX_MIN_THRESHOLD: "60",
    TELEGRAM_BOT_TOKEN: "1:secret",
  });
  assert.deepEqual(Object.fromEntries(all), {
    stateDirectory: [join(folder, "state"), "BARKEEP_STATE (settings file)"],
    symbolsFile: [join(projectRoot, "symbols.toml"), "default"],
    fleetFile: [join(projectRoot, "fleet.toml"), "default"],
    sshConfigFile: [null, "not set"],
    archive: ["https://archive.example", "BARKEEP_ARCHIVE (settings file)"],
    market: ["spot", "--market"],
    json: ["true", "--json"],
    storeUrl: ["http://db.example:9123", "CLICKHOUSE_HOST (environment)"],
    storeUser: [null, "not set"],
    storePassword: ["***", "CLICKHOUSE_PASSWORD (settings file)"],
    storeMode: ["auto", "default"],
    storeHosts: ["one,two", "RANGEBAR_CH_HOSTS (environment)"],
    storePrimary: [null, "not set"],
    segmentation: ["month", "RANGEBAR_OUROBOROS_MODE (settings file)"],
    symbolGate: ["strict", "default"],
    undoDays: ["7", "default"],
    notify: ["off", "default"],
    telegramToken: ["***", "TELEGRAM_BOT_TOKEN (environment)"],
    telegramChat: [null, "not set"],
    telegramApi: ["https://api.telegram.org", "default"],
    webhookUrl: [null, "not set"],
    pingUrl: [null, "not set"],
    autoscaleCpuCeiling: ["80", "default"],
    autoscaleMemCeiling: ["80", "default"],
    autoscaleCpuFloor: ["40", "default"],
    autoscaleMemFloor: ["60", "default"],
    autoscaleGroupMax: ["p1=8,p2=6,p3=10,px=4", "default"],
    cryptoFloor: ["250", "default"],
    forexFloor: ["60", "RANGEBAR_FOREX_MIN_THRESHOLD (environment)"],
    equitiesFloor: ["100", "default"],
    unknownFloor: ["1", "default"],
    "SHIBUSDT floor": ["250", "RANGEBAR_MIN_THRESHOLD_SHIBUSDT (settings file)"],
  });
});

test("as text: a line per setting, and what sets each that is not set", async () => {
  const { code, stdout, stderr } = await barkeep(["config"], env);
  assert.equal(code, exitCodes.ok, stderr);
  const lines = stdout.split("\n");
  for (const name of Object.keys(settingDefinitions)) {
    assert.equal(lines.filter((line) => line.startsWith(`${name} `)).length, 1, name);
  }
  for (const { env: name } of Object.values(settingDefinitions)) {
    assert.ok(stdout.includes(name), `${name} is named`);
  }
  assert.match(stdout, /^storeUser +- +not set; CLICKHOUSE_USER sets it$/m);
  assert.match(stdout, /^segmentation +month +RANGEBAR_OUROBOROS_MODE \(settings file\)$/m);
});

test("secrets are shown in neither form, whichever way they came", async () => {
  for (const words of [["config"], ["config", "--json"]]) {
    for (const more of [
      {},
      { CLICKHOUSE_PASSWORD: "hunter2-in-the-shell" },
      { CLICKHOUSE_URL: "https://default:hunter2-in-a-url@db.example:8443" },
    ]) {
      const { code, stdout, stderr } = await barkeep(words, { ...env, ...more });
      assert.equal(code, exitCodes.ok, stderr);
      assert.ok(!stdout.includes("hunter2"), stdout);
      assert.ok(stdout.includes("***"));
    }
  }
});

test("the environment wins over the file, the flag over both; a name that mise exports is the file's", async () => {
  const state = (all: Awaited<ReturnType<typeof rows>>): unknown => all.get("stateDirectory");
  assert.deepEqual(state(await rows([], { BARKEEP_STATE: "/elsewhere" })), [
    "/elsewhere",
    "BARKEEP_STATE (environment)",
  ]);
  assert.deepEqual(state(await rows(["--state", "/flag"], { BARKEEP_STATE: "/elsewhere" })), ["/flag", "--state"]);
  assert.deepEqual(state(await rows([], { BARKEEP_STATE: "state" })), [
    join(folder, "state"),
    "BARKEEP_STATE (settings file)",
  ]);
});

test("a setting that is wrong is told with its origin, and asking makes no state directory", async () => {
  const { code, stderr } = await barkeep(["config"], { ...env, RANGEBAR_SYMBOL_GATE: "loose" });
  assert.equal(code, exitCodes.usage);
  assert.match(stderr, /"loose" is not one of strict, warn, off\n {2}about: RANGEBAR_SYMBOL_GATE \(environment\)/);
  assert.equal(existsSync(join(folder, "state")), false);
});

test("a floor that is no threshold is told when the settings are shown, not only when it is used", async () => {
  const { code, stderr } = await barkeep(["config"], { ...env, RANGEBAR_MIN_THRESHOLD_BTCUSDT: "abc" });
  assert.equal(code, exitCodes.usage, "config showed abc as a floor");
  assert.match(stderr, /RANGEBAR_MIN_THRESHOLD_BTCUSDT/);
});

test("every setting of the common flags has its flag in --help", async () => {
  const { stdout } = await barkeep(["config", "--help"]);
  for (const name of [
    "stateDirectory",
    "symbolsFile",
    "fleetFile",
    "sshConfigFile",
    "archive",
    "market",
    "json",
  ] as const) {
    const { flag, env: inEnvironment } = settingDefinition(name);
    assert.ok(stdout.includes(`--${flag} `) && stdout.includes(inEnvironment), name);
  }
});
