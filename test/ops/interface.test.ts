import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { execa } from "execa";
import { z } from "zod";
import { commonOptions } from "../../lib/command/common-options.ts";
import type { Command } from "../../lib/command/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { barkeep, projectRoot, temporaryFolder, type Outcome } from "./run.ts";

const files = readdirSync(join(projectRoot, "ops"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .sort();
const verbOf = (file: string): string[] => file.slice(0, -".ts".length).split(/[/\\]/);

const commandModule = z.object({
  default: z.custom<Command>((value) => z.object({ name: z.string(), options: z.object({}) }).safeParse(value).success),
});

/** Every command as its program exports it, by its words. */
const commands = new Map<string, Command>();

before(async () => {
  for (const file of files) {
    const loaded: unknown = await import(join(projectRoot, "ops", file));
    commands.set(verbOf(file).join(" "), commandModule.parse(loaded).default);
  }
});

/** The options that a help text lists. */
function optionsIn(help: string): Set<string> {
  return new Set([...help.matchAll(/^ +(?:-\w, +)?--([a-z][a-z0-9-]*)/gm)].map((match) => match[1] ?? ""));
}

/** `npx tsx ops/<verb>.ts <words>`, without asking npm. */
async function throughTsx(file: string, words: readonly string[]): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    [join(projectRoot, "node_modules/tsx/dist/cli.mjs"), join("ops", file), ...words],
    { reject: false, cwd: projectRoot },
  );
  return { code: exitCode ?? -1, stdout, stderr };
}

for (const file of files) {
  const words = verbOf(file);
  const verb = words.join(" ");

  test(`barkeep ${verb} --help lists every option of the definition, and npx tsx ops/${file} says the same`, async () => {
    const command = commands.get(verb);
    assert.ok(command !== undefined);
    assert.equal(command.name, verb, "a program's name is its file's path");
    const launched = await barkeep([...words, "--help"]);
    assert.equal(launched.code, exitCodes.ok, launched.stderr);
    assert.equal(launched.stderr, "");
    const expected = [...Object.keys(command.options), ...Object.keys(commonOptions), "help", "version"];
    assert.deepEqual([...optionsIn(launched.stdout)].sort(), expected.sort());
    const flat = launched.stdout.replace(/\s+/g, " ");
    assert.ok(flat.includes(command.summary));
    for (const spec of Object.values(command.options)) assert.ok(flat.includes(spec.describe), spec.describe);
    for (const spec of Object.values(command.positionals)) assert.ok(flat.includes(spec.describe), spec.describe);
    // Examples stand in two columns, so that a long one is parted among the words beside it.
    const examples = new Set(launched.stdout.slice(launched.stdout.indexOf("Examples:")).split(/\s+/));
    for (const [typed] of command.examples) {
      for (const word of typed.split(" ").filter((one) => one !== "")) {
        assert.ok(examples.has(word), `${typed}: ${word}`);
      }
    }
    const direct = await throughTsx(file, ["--help"]);
    assert.equal(direct.code, exitCodes.ok, direct.stderr);
    assert.equal(direct.stdout, launched.stdout);
  });

  test(`barkeep ${verb} refuses an unknown option: exit 3, its name, what to do; under --json as a document too`, async () => {
    const { code, stdout, stderr } = await barkeep([...words, "--frobnicate", "--json"]);
    assert.equal(code, exitCodes.usage, stderr);
    assert.match(stderr, /^barkeep: /);
    assert.ok(stderr.includes(`what to do: barkeep ${verb} --help`), stderr);
    z.object({ version: z.literal(1), error: z.object({ code: z.literal("USAGE"), hint: z.string() }) }).parse(
      JSON.parse(stdout),
    );
  });

  test(`barkeep ${verb} names its examples by options it has`, () => {
    const command = commands.get(verb);
    assert.ok(command !== undefined);
    const known = new Set([...Object.keys(command.options), ...Object.keys(commonOptions)]);
    for (const [typed] of command.examples) {
      for (const [, option = ""] of typed.matchAll(/--([a-z0-9-]+)/g)) {
        assert.ok(known.has(option), `${typed}: --${option}`);
      }
    }
  });
}

test("barkeep --help, -h, help and nothing at all list every verb with its summary", async () => {
  const texts = await Promise.all(
    [["--help"], ["-h"], ["help"], []].map(async (words) => {
      const { code, stdout } = await barkeep(words);
      assert.equal(code, exitCodes.ok);
      return stdout;
    }),
  );
  assert.equal(new Set(texts).size, 1);
  const lines = (texts[0] ?? "").split("\n").filter((line) => line.startsWith("  "));
  assert.deepEqual(
    lines.map((line) => line.trim().replace(/ {2,}/, " | ")),
    [...commands].map(([verb, command]) => `${verb} | ${command.summary}`),
  );
});

test("a verb that does not exist: exit 3, what there is; under --json as a document", async () => {
  const unknown = await barkeep(["frobnicate", "--json"]);
  assert.equal(unknown.code, exitCodes.usage);
  assert.match(unknown.stderr, /there is no verb "frobnicate"\n {2}what to do: barkeep --help/);
  z.object({ version: z.literal(1), error: z.object({ code: z.literal("USAGE") }) }).parse(JSON.parse(unknown.stdout));
  const near = await barkeep(["pop"]);
  assert.equal(near.code, exitCodes.usage);
  assert.match(near.stderr, /try populate/);
  for (const path of ["../ops/status", "./status", "status.ts", "--frobnicate"]) {
    const outcome = await barkeep([path]);
    assert.equal(outcome.code, exitCodes.usage, path);
    assert.match(outcome.stderr, /what to do: /);
  }
});

test("barkeep --version and a verb's --version are the release", async () => {
  const [all, one] = await Promise.all([barkeep(["--version"]), barkeep(["status", "--version"])]);
  assert.match(all.stdout, /^\d+\.\d+\.\d+$/);
  assert.equal(one.stdout, all.stdout);
});

test("the launcher passes every word on as it is", async () => {
  const { code, stderr } = await barkeep(["export-bars", "a b'c\"$HOME", "--from", "2024-02-30"]);
  assert.equal(code, exitCodes.usage);
  assert.match(stderr, /"2024-02-30" is not a date\n {2}about: --from/);
  const series = await barkeep(["export-bars", "a b'c\"$HOME*", "--state", temporaryFolder("words")]);
  assert.equal(series.code, exitCodes.usage);
  assert.ok(series.stderr.includes("no series a b'c\"$HOME*"), series.stderr);
});

test("importing a program runs nothing", () => {
  // `before` imported each of them into this process; a program that ran would have ended it.
  assert.equal(commands.size, files.length);
  assert.ok(commands.size >= 6);
});

test("an answer that nobody reads to its end is no error", async () => {
  const { exitCode, stderr } = await execa(
    "sh",
    ["-c", `"$0" bin/barkeep.mjs config --help | head -n 1`, process.execPath],
    {
      reject: false,
      cwd: projectRoot,
    },
  );
  assert.equal(exitCode, 0);
  assert.equal(stderr, "");
});
