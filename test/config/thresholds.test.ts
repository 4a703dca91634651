import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  checkThreshold,
  loadRegistry,
  parseRegistry,
  projectRoot,
  settingDefinitions,
  symbolFloorPrefix,
  thresholdFloor,
  type SymbolEntry,
} from "../../lib/config/index.ts";
import { ConfigurationError, RefusedError } from "../../lib/model/errors.ts";
import { parseThreshold } from "../../lib/model/series.ts";

type AssetClass = SymbolEntry["assetClass"];
const classes = ["crypto", "forex", "equities"] as const;
const builtIn = { crypto: 250, forex: 50, equities: 100, unknown: 1 } as const;
const classSetting = {
  crypto: "RANGEBAR_CRYPTO_MIN_THRESHOLD",
  forex: "RANGEBAR_FOREX_MIN_THRESHOLD",
  equities: "RANGEBAR_EQUITIES_MIN_THRESHOLD",
  unknown: "RANGEBAR_UNKNOWN_MIN_THRESHOLD",
} as const;

function entryOf(assetClass: AssetClass, minThreshold: number | undefined): SymbolEntry {
  const text = `schema_version = 2
[symbols.X]
enabled = true
asset_class = "${assetClass}"
exchange = "binance"
market = "spot"
listing_date = 2020-01-01
${minThreshold === undefined ? "" : `min_threshold = ${minThreshold}`}`;
  const entry = parseRegistry(text, "symbols.toml").symbols.get("X");
  assert.ok(entry !== undefined);
  return entry;
}

test("the built-in floors by class, and of a symbol that the registry lacks", () => {
  for (const assetClass of classes) {
    const { floor, from } = thresholdFloor(entryOf(assetClass, undefined), "X", {});
    assert.equal(floor, builtIn[assetClass]);
    assert.equal(from, `built-in floor of ${assetClass}`);
  }
  assert.equal(thresholdFloor(undefined, "X", {}).floor, builtIn.unknown);
});

test("the settings have the names the definitions say", () => {
  assert.equal(symbolFloorPrefix, "RANGEBAR_MIN_THRESHOLD_");
  assert.deepEqual(
    [
      settingDefinitions.cryptoFloor,
      settingDefinitions.forexFloor,
      settingDefinitions.equitiesFloor,
      settingDefinitions.unknownFloor,
    ].map((definition) => definition.env),
    Object.values(classSetting),
  );
});

test("the strongest of symbol's setting, registry, class's setting, built-in number holds, whatever the others say", () => {
  const dbps = fc.integer({ min: 1, max: 100_000 });
  const maybe = fc.option(dbps, { nil: undefined });
  fc.assert(
    fc.property(fc.constantFrom(...classes, "unknown"), maybe, maybe, maybe, (kind, own, registered, ofClass) => {
      const entry = kind === "unknown" ? undefined : entryOf(kind, registered);
      const env: Record<string, string | undefined> = {
        RANGEBAR_MIN_THRESHOLD_X: own?.toString(),
        RANGEBAR_MIN_THRESHOLD_Y: "77777",
        ...Object.fromEntries(Object.values(classSetting).map((name) => [name, "66666"])),
        [classSetting[kind]]: ofClass?.toString() ?? "",
      };
      const inRegistry = kind === "unknown" ? undefined : registered;
      const { floor, from, setting } = thresholdFloor(entry, "X", env);
      assert.equal(floor, own ?? inRegistry ?? ofClass ?? builtIn[kind]);
      assert.equal(setting, "RANGEBAR_MIN_THRESHOLD_X");
      const origins = [
        own === undefined ? undefined : "RANGEBAR_MIN_THRESHOLD_X",
        inRegistry === undefined ? undefined : "min_threshold in the registry",
        ofClass === undefined ? undefined : classSetting[kind],
      ];
      assert.equal(from, origins.find((origin) => origin !== undefined) ?? `built-in floor of ${kind}`);
    }),
  );
});

test("a threshold is refused exactly below the floor, with the floor, who set it and what allows it", () => {
  const dbps = fc.integer({ min: 1, max: 100_000 });
  fc.assert(
    fc.property(dbps, dbps, (floor, asked) => {
      const check = (env: Record<string, string>): void => {
        checkThreshold(entryOf("crypto", floor), "X", parseThreshold(asked), env);
      };
      if (asked >= floor) {
        check({});
        return;
      }
      assert.throws(
        () => check({}),
        (error: unknown) => {
          assert.ok(error instanceof RefusedError);
          assert.equal(error.code, "THRESHOLD_BELOW_FLOOR");
          assert.ok(error.message.includes(`floor of ${floor} dbps (min_threshold in the registry)`), error.message);
          assert.ok(error.hint?.includes(`RANGEBAR_MIN_THRESHOLD_X=${asked}`), error.hint);
          return true;
        },
      );
      check({ RANGEBAR_MIN_THRESHOLD_X: String(asked) });
    }),
  );
});

test("the project's registry refuses SHIBUSDT@250; RANGEBAR_MIN_THRESHOLD_SHIBUSDT=250 allows it, the class's does not", () => {
  const entry = loadRegistry(join(projectRoot, "symbols.toml")).symbols.get("SHIBUSDT");
  const at250 = parseThreshold(250);
  const refused = (env: Record<string, string>): void => {
    assert.throws(() => checkThreshold(entry, "SHIBUSDT", at250, env), RefusedError);
  };
  refused({});
  refused({ RANGEBAR_CRYPTO_MIN_THRESHOLD: "1" });
  refused({ RANGEBAR_MIN_THRESHOLD_SHIBUSDT: "251" });
  refused({ RANGEBAR_MIN_THRESHOLD_SHIBUSDT: "" });
  checkThreshold(entry, "SHIBUSDT", at250, { RANGEBAR_MIN_THRESHOLD_SHIBUSDT: "250" });
  checkThreshold(entry, "SHIBUSDT", parseThreshold(750), {});
});

test("a floor that is no threshold is told with its name, not passed over", () => {
  for (const text of ["abc", "0", "100001", "2.5", "-1", "1e3", " 250"]) {
    for (const name of ["RANGEBAR_MIN_THRESHOLD_X", "RANGEBAR_CRYPTO_MIN_THRESHOLD"]) {
      assert.throws(
        () => thresholdFloor(entryOf("crypto", undefined), "X", { [name]: text }),
        (error: unknown) => {
          assert.ok(error instanceof ConfigurationError);
          assert.equal(error.code, "BAD_SETTING");
          assert.equal(error.subject, name);
          assert.ok(error.message.includes(`"${text}"`));
          return true;
        },
      );
    }
  }
});
