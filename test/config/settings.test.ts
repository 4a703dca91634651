import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  listSettings,
  loadSettings,
  maskUrl,
  projectRoot,
  readEnvironment,
  settingDefinitions,
  type ProcessEnvironment,
  type SettingFlags,
  type SettingRow,
  type Settings,
} from "../../lib/config/index.ts";
import { findSettingsFile } from "../../lib/config/settings-file.ts";
import { ConfigurationError } from "../../lib/model/errors.ts";
import { temporaryFolder } from "../ops/run.ts";

const off = { BARKEEP_SETTINGS: "off" };

function settingsOf(env: ProcessEnvironment, flags: SettingFlags = {}): Settings {
  return loadSettings(flags, readEnvironment({ ...off, ...env }));
}

function urlOf(env: ProcessEnvironment): string | undefined {
  return settingsOf(env).storeUrl;
}

function fileWith(text: string): string {
  const path = join(temporaryFolder("settings"), ".mise.toml");
  writeFileSync(path, text);
  return path;
}

function rowsOf(env: ProcessEnvironment, flags: SettingFlags = {}): Map<string, SettingRow> {
  return new Map(listSettings(flags, readEnvironment({ ...off, ...env })).map((row) => [row.name, row]));
}

function configurationError(call: () => unknown): ConfigurationError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

test("what holds when nobody says", () => {
  const settings = settingsOf({});
  assert.deepEqual(settings, {
    stateDirectory: resolve(".barkeep"),
    symbolsFile: join(projectRoot, "symbols.toml"),
    fleetFile: join(projectRoot, "fleet.toml"),
    sshConfigFile: undefined,
    archive: undefined,
    market: undefined,
    json: false,
    storeUrl: undefined,
    storeUser: undefined,
    storePassword: undefined,
    storeMode: "auto",
    storeHosts: [],
    storePrimary: undefined,
    segmentation: "year",
    symbolGate: "strict",
    undoDays: 7,
    notify: [],
    telegramToken: undefined,
    telegramChat: undefined,
    telegramApi: "https://api.telegram.org",
    webhookUrl: undefined,
    pingUrl: undefined,
    autoscale: {
      cpu: { floor: 40, ceiling: 80 },
      memory: { floor: 60, ceiling: 80 },
      groupMax: { p1: 8, p2: 6, p3: 10, px: 4 },
    },
  });
});

test("flag over environment over settings file over default, and each says where it came from", () => {
  const maybe = fc.option(fc.stringMatching(/^[a-z]{1,8}$/), { nil: undefined });
  const folder = temporaryFolder("precedence");
  const path = join(folder, "settings.toml");
  fc.assert(
    fc.property(maybe, maybe, maybe, (flag, fromEnv, fromFile) => {
      writeFileSync(path, fromFile === undefined ? "" : `[env]\nBARKEEP_STATE = "${fromFile}"\n`);
      const env = readEnvironment({
        BARKEEP_SETTINGS: path,
        ...(fromEnv === undefined ? {} : { BARKEEP_STATE: fromEnv }),
      });
      const settings = loadSettings({ state: flag }, env);
      const row = listSettings({ state: flag }, env).find(({ name }) => name === "stateDirectory");
      // mise exports the file's values; the same text is the file's and starts from the file's folder.
      const own = fromEnv === fromFile ? undefined : fromEnv;
      const [expected, from] =
        flag !== undefined
          ? [resolve(flag), "--state"]
          : own !== undefined
            ? [resolve(own), "BARKEEP_STATE (environment)"]
            : fromFile !== undefined
              ? [join(folder, fromFile), "BARKEEP_STATE (settings file)"]
              : [resolve(".barkeep"), "default"];
      assert.equal(settings.stateDirectory, expected);
      assert.equal(row?.value, expected);
      assert.equal(row.from, from);
    }),
  );
});

test("a name that mise exports is the file's still: it starts from the file's folder, and the listing says so", () => {
  const path = fileWith('[env]\nBARKEEP_STATE = "state"\n');
  const environment = readEnvironment({ BARKEEP_SETTINGS: path, BARKEEP_STATE: "state" });
  assert.equal(loadSettings({}, environment).stateDirectory, join(path, "..", "state"));
  assert.equal(
    listSettings({}, environment).find(({ name }) => name === "stateDirectory")?.from,
    "BARKEEP_STATE (settings file)",
  );
});

test("RANGEBAR_OUROBOROS_MODE is year, month or week; anything else is told with its name and what it may be", () => {
  for (const mode of ["year", "month", "week"] as const) {
    assert.equal(settingsOf({ RANGEBAR_OUROBOROS_MODE: mode }).segmentation, mode);
  }
  const error = configurationError(() => settingsOf({ RANGEBAR_OUROBOROS_MODE: "day" }));
  assert.equal(error.code, "BAD_SETTING");
  assert.match(error.message, /"day" is not one of year, month, week/);
  assert.equal(error.subject, "RANGEBAR_OUROBOROS_MODE (environment)");
  const path = fileWith('[env]\nRANGEBAR_OUROBOROS_MODE = "day"\n');
  const fromFile = configurationError(() => settingsOf({ BARKEEP_SETTINGS: path }));
  assert.equal(fromFile.subject, "RANGEBAR_OUROBOROS_MODE (settings file)");
});

test("the other choices: market, gate, JSON", () => {
  assert.equal(settingsOf({ BARKEEP_MARKET: "futures-um" }).market, "futures-um");
  assert.equal(settingsOf({ BARKEEP_MARKET: "futures-um" }, { market: "spot" }).market, "spot");
  assert.equal(settingsOf({ RANGEBAR_SYMBOL_GATE: "warn" }).symbolGate, "warn");
  assert.equal(settingsOf({ BARKEEP_JSON: "1" }).json, true);
  assert.equal(settingsOf({ BARKEEP_JSON: "1" }, { json: false }).json, false);
  for (const [name, text] of [
    ["BARKEEP_MARKET", "margin"],
    ["RANGEBAR_SYMBOL_GATE", "loose"],
    ["BARKEEP_JSON", "yes"],
  ] as const) {
    assert.equal(configurationError(() => settingsOf({ [name]: text })).subject, `${name} (environment)`);
  }
});

test("an archive is a URL without slashes at its end, or a folder", () => {
  assert.equal(settingsOf({}, { archive: "https://data.binance.vision//" }).archive, "https://data.binance.vision");
  assert.equal(settingsOf({ BARKEEP_ARCHIVE: "some/folder" }).archive, resolve("some/folder"));
  const path = fileWith('[env]\nBARKEEP_ARCHIVE = "some/folder"\n');
  assert.equal(settingsOf({ BARKEEP_SETTINGS: path }).archive, join(path, "..", "some/folder"));
});

test("an empty text counts as no value, in the environment and in the settings file", () => {
  assert.equal(settingsOf({ BARKEEP_ARCHIVE: "", BARKEEP_MARKET: "" }).archive, undefined);
  const path = fileWith('[env]\nBARKEEP_ARCHIVE = ""\nRANGEBAR_MIN_THRESHOLD_BTCUSDT = ""\n');
  const environment = readEnvironment({ BARKEEP_SETTINGS: path });
  assert.equal(loadSettings({}, environment).archive, undefined);
  assert.equal(
    listSettings({}, environment).some(({ name }) => name === "BTCUSDT floor"),
    false,
  );
});

test("the server: URL, or host and port with their defaults, or none at all", () => {
  assert.equal(urlOf({}), undefined);
  assert.equal(urlOf({ CLICKHOUSE_URL: "https://db.example:8443/" }), "https://db.example:8443");
  assert.equal(urlOf({ CLICKHOUSE_HOST: "db.example" }), "http://db.example:8123");
  assert.equal(urlOf({ CLICKHOUSE_PORT: "9123" }), "http://localhost:9123");
  assert.equal(urlOf({ CLICKHOUSE_HOST: "db.example", CLICKHOUSE_PORT: "9123" }), "http://db.example:9123");
  assert.equal(urlOf({ CLICKHOUSE_HOST: "https://db.example:8443" }), "https://db.example:8443");
  assert.equal(urlOf({ CLICKHOUSE_URL: "http://a:1", CLICKHOUSE_HOST: "b" }), "http://a:1");
});

test("a host in the environment wins over a URL in the settings file", () => {
  const path = fileWith('[env]\nCLICKHOUSE_URL = "http://file:8123"\n');
  const env = { BARKEEP_SETTINGS: path, CLICKHOUSE_HOST: "shell" };
  assert.equal(settingsOf(env).storeUrl, "http://shell:8123");
  const row = rowsOf(env).get("storeUrl");
  assert.equal(row?.value, "http://shell:8123");
  assert.equal(row.from, "CLICKHOUSE_HOST (environment)");
  assert.equal(rowsOf({ BARKEEP_SETTINGS: path }).get("storeUrl")?.from, "CLICKHOUSE_URL (settings file)");
});

test("an address that is no http(s) URL is refused without repeating it: a password may stand in it", () => {
  for (const url of ["tcp://default:hunter2@db:9000", "db:9000", "http//hunter2"]) {
    const error = configurationError(() => settingsOf({ CLICKHOUSE_URL: url }));
    assert.equal(error.code, "BAD_SETTING");
    assert.equal(error.subject, "CLICKHOUSE_URL");
    assert.ok(!`${error.message}${error.hint}`.includes("hunter2"));
  }
});

test("the listing has a row for every setting, with value and origin, and every symbol's floor", () => {
  const rows = rowsOf({ RANGEBAR_MIN_THRESHOLD_SHIBUSDT: "250", RANGEBAR_CRYPTO_MIN_THRESHOLD: "300" });
  for (const name of Object.keys(settingDefinitions)) assert.ok(rows.has(name), name);
  assert.equal(rows.size, Object.keys(settingDefinitions).length + 1);
  assert.deepEqual(rows.get("SHIBUSDT floor"), {
    name: "SHIBUSDT floor",
    value: "250",
    from: "RANGEBAR_MIN_THRESHOLD_SHIBUSDT (environment)",
    env: "RANGEBAR_MIN_THRESHOLD_SHIBUSDT",
    describe: "least threshold of SHIBUSDT, dbps",
  });
  assert.equal(rows.get("cryptoFloor")?.value, "300");
  assert.equal(rows.get("forexFloor")?.value, "50");
  assert.equal(rows.get("forexFloor")?.from, "default");
  assert.equal(rows.get("symbolsFile")?.value, join(projectRoot, "symbols.toml"));
  assert.equal(rows.get("symbolsFile")?.from, "default");
  assert.equal(rows.get("archive")?.value, null);
  assert.equal(rows.get("archive")?.from, "not set");
  for (const row of rows.values()) assert.ok(row.describe !== "" && row.env !== "");
});

test("no secret is ever shown, wherever it stands", () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9]{6,20}$/).map((text) => `S3cret${text}`);
  fc.assert(
    fc.property(secret, (word) => {
      for (const env of [
        { CLICKHOUSE_PASSWORD: word },
        { CLICKHOUSE_URL: `http://default:${word}@db:8123/` },
        { CLICKHOUSE_HOST: `https://default:${word}@db:8443` },
        { BARKEEP_ARCHIVE: `https://reader:${word}@archive.example` },
      ]) {
        const rows = listSettings({}, readEnvironment({ ...off, ...env }));
        assert.ok(!JSON.stringify(rows).includes(word), JSON.stringify(Object.keys(env)));
        assert.ok(JSON.stringify(rows).includes("***"));
      }
    }),
    { numRuns: 20 },
  );
});

test("masking leaves a URL without a password as it is", () => {
  for (const url of ["http://db:8123", "https://reader@db/path?x=1", "not a URL", ""]) assert.equal(maskUrl(url), url);
  assert.equal(maskUrl("http://u:p@db:8123/x"), "http://u:***@db:8123/x");
});

test("the nearest .mise.toml upward is read, the local one over it, mise's own directives left out", () => {
  const folder = temporaryFolder("upward");
  mkdirSync(join(folder, "a", "b"), { recursive: true });
  writeFileSync(
    join(folder, ".mise.toml"),
    '[tools]\nnode = "24"\n[env]\nBARKEEP_STATE = "shared"\nCLICKHOUSE_PORT = 9123\nBARKEEP_JSON = true\nGONE = false\nT = { value = "table" }\n_.path = ["bin"]\n',
  );
  writeFileSync(join(folder, ".mise.local.toml"), '[env]\nBARKEEP_STATE = "local"\n');
  const found = findSettingsFile(join(folder, "a", "b"));
  assert.equal(found?.path, join(folder, ".mise.toml"));
  assert.deepEqual(found.values, {
    BARKEEP_STATE: "local",
    CLICKHOUSE_PORT: "9123",
    BARKEEP_JSON: "true",
    T: "table",
  });
  writeFileSync(join(folder, "a", "mise.toml"), "");
  assert.deepEqual(findSettingsFile(join(folder, "a", "b"))?.values, {});
});

for (const [name, text, subject] of [
  ["a template that only mise can fill", '[env]\nA = "x"\nB = "{{ cwd }}"\n', /:3$/],
  ["a list for a text", '[env]\nA = ["x"]\n', /:2$/],
  ["a text that never ends", '[env]\nA = "x\n', /:2:\d+$/],
  ["an env that is no table", "env = 3\n", /\.mise\.toml/],
] as const) {
  test(`${name} is told with file and line`, () => {
    const path = fileWith(text);
    const error = configurationError(() => readEnvironment({ BARKEEP_SETTINGS: path }));
    assert.equal(error.code, "SETTINGS_FILE");
    assert.ok(error.subject?.startsWith(path), error.subject);
    assert.match(error.subject ?? "", subject);
  });
}

test("a settings file that is named and not there is an error; `off` reads none", () => {
  const path = join(temporaryFolder("settings"), "none.toml");
  const error = configurationError(() => readEnvironment({ BARKEEP_SETTINGS: path }));
  assert.equal(error.code, "SETTINGS_FILE");
  assert.equal(error.subject, path);
  assert.equal(readEnvironment(off).settingsFile, undefined);
});

test("the autoscaler's limits: percents with the floor below the ceiling, and groups that there are", () => {
  const { autoscale } = settingsOf({ AUTOSCALE_CPU_CEILING: "90", AUTOSCALE_GROUP_MAX: "p2=3, px=1" });
  assert.deepEqual(autoscale.cpu, { floor: 40, ceiling: 90 });
  assert.deepEqual(autoscale.groupMax, { p1: 8, p2: 3, p3: 10, px: 1 });
  for (const [name, text] of [
    ["AUTOSCALE_CPU_FLOOR", "80"],
    ["AUTOSCALE_MEM_CEILING", "101"],
    ["AUTOSCALE_GROUP_MAX", "p9=1"],
    ["AUTOSCALE_GROUP_MAX", "p1=0"],
    ["AUTOSCALE_MEM_FLOOR", "some"],
  ] as const) {
    const error = configurationError(() => settingsOf({ [name]: text }));
    assert.equal(error.code, "BAD_SETTING");
    assert.match(error.subject ?? "", new RegExp(name));
  }
});
