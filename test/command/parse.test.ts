import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { z } from "zod";
import { defineCommand, type Command } from "../../lib/command/index.ts";
import { camelCase } from "../../lib/command/options.ts";
import { parseDay } from "../../lib/model/day.ts";
import { exitCodeMeanings, exitCodes } from "../../lib/model/exit-codes.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { ran } from "./run.ts";

/** Prints the arguments that its handler was given. */
const echo = defineCommand({
  name: "echo",
  summary: "say what was understood",
  positionals: {
    first: { describe: "the first word", demandOption: true },
    rest: { describe: "all the others", array: true },
  },
  options: {
    threshold: { type: "string", array: true, describe: "thresholds", parse: parseThreshold, env: "ECHO_THRESHOLDS" },
    "start-date": { type: "string", describe: "a day", parse: parseDay, env: "ECHO_START" },
    colour: { type: "string", choices: ["red", "blue"], default: "red", describe: "one of two", env: "ECHO_COLOUR" },
    deep: { type: "boolean", describe: "a switch", env: "ECHO_DEEP" },
    label: { type: "string", describe: "any text" },
  },
  examples: [["one --deep", "an example"]],
  handler: (args, { printJson }) => {
    printJson({ args });
    return exitCodes.ok;
  },
});

const needy = defineCommand({
  name: "needy",
  summary: "cannot go without",
  options: {
    where: { type: "string", demandOption: true, describe: "a place", env: "NEEDY_WHERE" },
    what: { type: "string", demandOption: true, describe: "a thing" },
  },
  handler: ({ where, what }, { print }) => {
    print(`${where} ${what}`);
    return exitCodes.ok;
  },
});

const echoed = z.object({
  version: z.literal(1),
  args: z.object({
    first: z.string(),
    rest: z.array(z.string()),
    threshold: z.array(z.number()),
    startDate: z.string().optional(),
    colour: z.string(),
    deep: z.boolean(),
    label: z.string().optional(),
  }),
});

async function understood(
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<z.infer<typeof echoed>["args"]> {
  const { code, stdout, stderr } = await ran(echo, argv, env);
  assert.equal(code, exitCodes.ok, stderr);
  return echoed.parse(JSON.parse(stdout)).args;
}

test("a name in hyphens becomes camel case", () => {
  assert.equal(camelCase("start-date"), "startDate");
  assert.equal(camelCase("a-b-c"), "aBC");
  assert.equal(camelCase("plan"), "plan");
});

test("arguments are what was typed: repeated ones a list, absent ones empty, numbers parsed by the model", async () => {
  assert.deepEqual(await understood(["one"]), { first: "one", rest: [], threshold: [], colour: "red", deep: false });
  assert.deepEqual(
    await understood([
      "one",
      "2",
      "--threshold",
      "250",
      "x",
      "--threshold=500",
      "--start-date",
      "2024-02-29",
      "--deep",
    ]),
    { first: "one", rest: ["2", "x"], threshold: [250, 500], startDate: "2024-02-29", colour: "red", deep: true },
  );
});

test("a text stays the text that was typed, whatever it looks like", async () => {
  const text = fc.string({ minLength: 1, maxLength: 20 }).filter((one) => !/["']/.test(one));
  await fc.assert(
    fc.asyncProperty(text, async (label) => {
      assert.equal((await understood(["one", `--label=${label}`])).label, label);
    }),
    { numRuns: 60, examples: [["007"], ["1e3"], ["0x10"], ["true"], ["9007199254740993"], ["a=b"], ["--deep"]] },
  );
});

test("flag over environment over default; a list in the environment is parted by commas", async () => {
  const env = { ECHO_COLOUR: "blue", ECHO_THRESHOLDS: "25,50", ECHO_DEEP: "1", ECHO_START: "2024-01-01" };
  assert.deepEqual(await understood(["one"], env), {
    first: "one",
    rest: [],
    threshold: [25, 50],
    startDate: "2024-01-01",
    colour: "blue",
    deep: true,
  });
  const typed = await understood(["one", "--colour", "red", "--threshold", "7", "--deep=false"], env);
  assert.equal(typed.colour, "red");
  assert.deepEqual(typed.threshold, [7]);
  assert.equal(typed.deep, false);
});

const wrong: readonly (readonly [name: string, argv: readonly string[], env: Record<string, string>, said: RegExp])[] =
  [
    ["an unknown option", ["one", "--frobnicate"], {}, /frobnicate/],
    ["an unknown option with a value", ["one", "--frobnicate=3"], {}, /frobnicate/],
    ["an unknown short option", ["one", "-q"], {}, /Unknown argument: q/],
    ["a single-value option twice", ["one", "--label", "a", "--label", "b"], {}, /--label is given twice/],
    ["the same value twice", ["one", "--colour", "red", "--colour", "red"], {}, /--colour is given twice/],
    ["a common option twice", ["one", "--state", "a", "--state", "b"], {}, /--state is given twice/],
    ["an option without its value", ["one", "--label"], {}, /label/],
    ["an option whose value is the next option", ["one", "--label", "--deep"], {}, /label/],
    ["an empty value", ["one", "--label="], {}, /--label is empty/],
    ["an empty member of a list", ["one", "--threshold="], {}, /threshold|empty/],
    ["a choice that is none", ["one", "--colour", "green"], {}, /green/],
    ["a choice that is none, in the environment", ["one"], { ECHO_COLOUR: "green" }, /ECHO_COLOUR/],
    ["a missing positional", [], {}, /Not enough|Missing|first/],
    ["a threshold that is none", ["one", "--threshold", "abc"], {}, /threshold abc.*--threshold/s],
    ["a threshold that is none, in the environment", ["one"], { ECHO_THRESHOLDS: "25,x" }, /ECHO_THRESHOLDS/],
    ["a day that is none", ["one", "--start-date", "2024-02-30"], {}, /2024-02-30.*--start-date.*YYYY-MM-DD/s],
    ["a switch that is neither", ["one"], { ECHO_DEEP: "perhaps" }, /perhaps.*ECHO_DEEP/s],
    [
      "a setting of an unknown kind, in the environment",
      ["one"],
      { RANGEBAR_OUROBOROS_MODE: "day" },
      /day.*year, month/s,
    ],
    ["a common option of an unknown kind", ["one", "--market", "margin"], {}, /margin/],
  ];
for (const [name, argv, env, said] of wrong) {
  test(`${name}: exit 3, what is wrong and what to do, nothing on stdout`, async () => {
    const { code, stdout, stderr } = await ran(echo, argv, env);
    assert.equal(code, exitCodes.usage, stderr);
    assert.match(stderr, said);
    assert.match(stderr, /^barkeep: /);
    assert.match(stderr, /\n {2}\([A-Z_]+\)\n$/);
    assert.equal(stdout, "");
  });
}

test("what a person can do is said with every usage error", async () => {
  for (const [name, argv, env] of wrong) {
    const { stderr } = await ran(echo, argv, env);
    assert.match(stderr, /\n {2}what to do: .+/, `${name}: ${stderr}`);
  }
});

test("a switch may be given twice: it says the same", async () => {
  assert.equal((await understood(["one", "--deep", "--deep"])).deep, true);
});

test("too many words are refused where the definition takes none", async () => {
  const { code, stderr } = await ran(needy, ["surplus", "--what", "x", "--where", "y"]);
  assert.equal(code, exitCodes.usage);
  assert.match(stderr, /surplus/);
});

test("a demanded option may come from the environment; in neither place it is an error that names both", async () => {
  assert.equal((await ran(needy, ["--what", "x"], { NEEDY_WHERE: "there" })).stdout, "there x\n");
  const absent = await ran(needy, ["--what", "x"]);
  assert.equal(absent.code, exitCodes.usage);
  assert.match(absent.stderr, /where.*--where.*NEEDY_WHERE/s);
  const noFlag = await ran(needy, ["--where", "y"]);
  assert.equal(noFlag.code, exitCodes.usage);
  assert.match(noFlag.stderr, /what/);
});

test("the help is made of the definition: every option, default, choice, name in the environment, example and exit code", async () => {
  for (const flag of ["--help", "-h"]) {
    const { code, stdout, stderr } = await ran(echo, [flag]);
    assert.equal(code, exitCodes.ok);
    assert.equal(stderr, "");
    const flat = stdout.replace(/\s+/g, " ");
    assert.ok(flat.includes("barkeep echo <first> [rest..]"), flat);
    assert.ok(flat.includes(echo.summary));
    for (const [name, spec] of Object.entries(echo.options)) {
      assert.ok(flat.includes(`--${name} `), name);
      assert.ok(flat.includes(spec.describe), name);
      if (spec.env !== undefined) assert.ok(flat.includes(`[env ${spec.env}]`), name);
    }
    for (const spec of Object.values(echo.positionals)) assert.ok(flat.includes(spec.describe));
    assert.ok(flat.includes('[choices: "red", "blue"] [default: red]'), flat);
    for (const common of ["--state", "--symbols", "--archive", "--market", "--json", "--help", "--version"]) {
      assert.ok(flat.includes(`${common} `), common);
    }
    assert.ok(flat.includes("barkeep echo one --deep an example"), flat);
    for (const [exit, meaning] of exitCodeMeanings) assert.ok(flat.includes(`${exit} ${meaning}`), meaning);
  }
});

test("the help of a command that demands something needs nothing; the release is said", async () => {
  assert.equal((await ran(needy, ["--help"])).code, exitCodes.ok);
  const { code, stdout } = await ran(needy, ["--version"]);
  assert.equal(code, exitCodes.ok);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test("the common flags reach the settings", async () => {
  const probe: Command = defineCommand({
    name: "probe",
    summary: "settings",
    handler: (_args, { settings, printJson }) => {
      printJson({ ...settings });
      return exitCodes.ok;
    },
  });
  const words = [
    "--state",
    "/s",
    "--symbols",
    "/y.toml",
    "--fleet",
    "/f.toml",
    "--ssh-config",
    "/c",
    "--archive",
    "https://a/",
    "--market",
    "futures-cm",
    "--json",
  ];
  const shape = z.object({
    stateDirectory: z.literal("/s"),
    symbolsFile: z.literal("/y.toml"),
    fleetFile: z.literal("/f.toml"),
    sshConfigFile: z.literal("/c"),
    archive: z.literal("https://a"),
    market: z.literal("futures-cm"),
    json: z.literal(true),
  });
  shape.parse(JSON.parse((await ran(probe, words)).stdout));
});
