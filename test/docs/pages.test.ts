import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { parse } from "smol-toml";
import { z } from "zod";
import { commonOptions } from "../../lib/command/common-options.ts";
import type { Command } from "../../lib/command/index.ts";
import { parseCommandLine } from "../../lib/command/parse.ts";
import { readValues } from "../../lib/command/values.ts";
import { projectRoot } from "../../lib/config/index.ts";
import { generatedFiles } from "../../scripts/generate-columns.ts";
import { generatedDocs, loadCommands } from "../../scripts/generate-docs.ts";
import { anchorsOf, parsePage, read, readPages, wordsOf, type Snippet } from "./pages.ts";

const pages = readPages();
const commands = new Map([...(await loadCommands()).values()].map((command) => [command.name, command]));
const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read("package.json")));
const taskFile = z.record(z.string(), z.object({ run: z.string() }));
const tasks = new Map(
  readdirSync(join(projectRoot, "tasks")).flatMap((file) =>
    Object.entries(taskFile.parse(parse(read(`tasks/${file}`)))).map(([name, { run }]) => [name, run] as const),
  ),
);
const barkeepTask = "node bin/barkeep.mjs ";

test("the generated files are what the generators write: npm run docs brings them up to date", async () => {
  for (const [path, text] of [...generatedFiles(), ...(await generatedDocs())]) assert.equal(read(path), text, path);
});

/** The verb that words begin with. */
function verbIn(words: readonly string[]): Command | undefined {
  return commands.get(words.slice(0, 2).join(" ")) ?? commands.get(words[0] ?? "");
}

/** What stands for any value becomes one that passes. */
function filledIn(words: readonly string[]): string[] {
  return words.map((word) => word.replace(/^<series>$/, "BTCUSDT@250").replace(/^VALUE…?$/, "250"));
}

/** `barkeep <verb> …`, as typed or as mentioned. */
async function checkBarkeep(words: readonly string[], { isWhole, place }: Snippet): Promise<void> {
  const [first = ""] = words;
  if (first === "" || first.startsWith("<") || first.startsWith("-") || first === "…") return;
  const command = verbIn(words);
  assert.ok(command !== undefined, `${place}: there is no verb "${words.join(" ")}"`);
  const rest = filledIn(words.slice(command.name.split(" ").length));
  if (isWhole) {
    const parsed = await parseCommandLine(command, rest).catch((error: unknown) =>
      assert.fail(`${place}: ${String(error)}`),
    );
    if (parsed.kind === "arguments") readValues(command, parsed.raw, {});
    return;
  }
  const known = new Set([...Object.keys(command.options), ...Object.keys(commonOptions), "help", "version"]);
  for (const [, flag = ""] of rest.join(" ").matchAll(/--([a-z][a-z0-9-]*)/g)) {
    assert.ok(known.has(flag), `${place}: barkeep ${command.name} has no --${flag}`);
  }
}

function checkNpm(words: readonly string[], place: string): void {
  const name = words.find((word) => !word.startsWith("-"));
  assert.ok(name !== undefined && Object.hasOwn(scripts, name), `${place}: package.json has no script "${name}"`);
}

/** Checks a command by its first words; false where none of ours knows them. */
async function checkCommand(snippet: Snippet): Promise<boolean> {
  const { text, place, isWhole } = snippet;
  const [first = "", second = "", third = "", ...rest] = wordsOf(text);
  const behind = [third, ...rest].filter((word) => word !== "");
  if (first === "barkeep") await checkBarkeep([second, ...behind], snippet);
  else if (first === "npx" && second === "barkeep") await checkBarkeep(behind, snippet);
  else if (first === "npx" && second === "tsx") checkPath(third.replace("<verb>", "status"), place);
  else if (first === "npm" && second === "run") checkNpm(behind, place);
  else if (first === "npm" && second === "test") checkNpm(["test"], place);
  else if (first === "mise" && second === "run") {
    const run = tasks.get(third);
    assert.ok(run !== undefined, `${place}: there is no task ${third}`);
    if (run.startsWith(barkeepTask)) {
      await checkBarkeep([...run.slice(barkeepTask.length).split(" "), ...rest], { ...snippet, isWhole });
    }
  } else if (["node", "bash"].includes(first)) checkPath(second, place);
  else return false;
  for (const path of behind.filter((word) => word.endsWith(".test.ts"))) checkPath(path, place);
  return true;
}

function checkPath(path: string, place: string): void {
  assert.ok(existsSync(join(projectRoot, path)), `${place}: ${path} does not exist`);
}

/** Programs that are not ours; what they are given is not checked. */
const foreign = /^(cargo|export|git|mise trust$)/;

for (const page of pages) {
  test(`${page.path}: every command exists, with its flags`, async () => {
    for (const snippet of page.snippets) {
      const known = await checkCommand(snippet);
      const isForeign = foreign.test(snippet.text);
      assert.ok(known || isForeign || !snippet.isWhole, `${snippet.place}: what is "${snippet.text}"?`);
    }
  });

  test(`${page.path}: every link, anchor and path leads somewhere`, () => {
    for (const [, target = ""] of page.prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const path = file === "" ? page.path : normalize(join(dirname(page.path), file));
      checkPath(path, page.path);
      if (anchor === undefined) continue;
      assert.ok(anchorsOf(parsePage(path, read(path))).has(anchor), `${page.path}: ${path} has no heading #${anchor}`);
    }
    for (const { text, place } of page.snippets) {
      if (/^(bench|bin|docs|examples|lib|native|ops|scripts|tasks|test)\/[\w./-]*$/.test(text)) checkPath(text, place);
    }
  });

  test(`${page.path}: a flag that stands alone belongs to some program`, () => {
    const ours = [...commands.values()].flatMap((command) => Object.keys(command.options));
    const flags = new Set([...ours, ...Object.keys(commonOptions), "help", "version"]);
    for (const { text, place } of page.snippets) {
      const flag = /^--([a-z][a-z0-9-]*)/.exec(text)?.[1];
      assert.ok(flag === undefined || flags.has(flag), `${place}: no verb has --${flag}`);
    }
  });
}

test("every example in a verb's help is one that the verb takes", async () => {
  for (const { name, examples } of commands.values()) {
    for (const [typed] of examples) {
      const snippet = { text: `barkeep ${name} ${typed}`.trim(), isWhole: true, place: name };
      assert.ok(await checkCommand(snippet));
    }
  }
});

test("every task gives its verb what it takes", async () => {
  for (const [name, run] of tasks) {
    if (!run.startsWith(barkeepTask)) continue;
    // What a task leaves to the person who runs it is not here.
    const isWhole = !["cache:populate", "deploy", "deploy:rollback", "deploy:verify"].includes(name);
    await checkBarkeep(run.slice(barkeepTask.length).split(" "), { text: run, isWhole, place: name });
  }
});

test("the architecture page's layout has every folder of lib, and no other", () => {
  const layout = /```\nops\/[^]*?```/.exec(read("docs/architecture.md"))?.[0] ?? "";
  const listed = new Set([...layout.matchAll(/^ {2}([a-z]+)\//gm)].map(([, name]) => name));
  const folders = readdirSync(join(projectRoot, "lib"), { withFileTypes: true }).filter((one) => one.isDirectory());
  assert.deepEqual(listed, new Set(folders.map(({ name }) => name)));
});

test("the lint rules have a layer for every folder of lib", () => {
  const rules = read(".oxlintrc.json");
  for (const entry of readdirSync(join(projectRoot, "lib"), { withFileTypes: true })) {
    if (entry.isDirectory()) assert.ok(rules.includes(`"lib/${entry.name}/**"`), entry.name);
  }
});
