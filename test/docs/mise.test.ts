import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "smol-toml";
import { z } from "zod";
import { groupOf } from "../../lib/model/groups.ts";
import { projectRoot } from "../../lib/config/index.ts";
import { settingDefinition, settingNames } from "../../lib/config/setting-definitions.ts";
import { readSettingsFile } from "../../lib/config/settings-file.ts";
import { read } from "./pages.ts";

const file = ".mise.toml";
const shape = z.object({
  tools: z.record(z.string(), z.string()),
  task_config: z.object({ includes: z.array(z.string()) }),
});
const taskFile = z.record(z.string(), z.strictObject({ description: z.string().min(1), run: z.string().min(1) }));
const taskFiles = readdirSync(join(projectRoot, "tasks")).map((name) => `tasks/${name}`);
const tasks = new Map(taskFiles.flatMap((path) => Object.entries(taskFile.parse(parse(read(path))))));
const manifest = z.object({
  engines: z.object({ node: z.string() }),
  scripts: z.record(z.string(), z.string()),
});

test("the settings file of the project can be read without mise", () => {
  readSettingsFile(join(projectRoot, file));
});

test("the settings file shows every setting, in or out of use, with the default that the code has", () => {
  for (const name of settingNames) {
    const { env, default: fallback } = settingDefinition(name);
    const [, off, value] = new RegExp(`^(# )?${env} = "?([^"#\\n]*?)"?(?: #.*)?$`, "m").exec(read(file)) ?? [];
    assert.ok(value !== undefined, `${file} does not show ${env}`);
    // One that is in use may have any value.
    if (off !== undefined && fallback !== undefined) assert.equal(value, fallback, env);
  }
});

test("mise's tools and task files are those that are there", () => {
  const { tools, task_config: config } = shape.parse(parse(read(file)));
  assert.deepEqual([...config.includes].sort(), taskFiles.sort());
  assert.equal(`>=${tools["node"]}`, manifest.parse(JSON.parse(read("package.json"))).engines.node);
});

test("every task runs an npm script or a program that exists", () => {
  const { scripts } = manifest.parse(JSON.parse(read("package.json")));
  for (const [name, { run }] of tasks) {
    const [program = "", first = "", second = ""] = run.split(" ");
    if (program === "npm") {
      const script = first === "run" ? second : first;
      assert.ok(Object.hasOwn(scripts, script), `${name}: ${run}`);
    } else {
      assert.ok(["node", "bash"].includes(program) && existsSync(join(projectRoot, first)), `${name}: ${run}`);
    }
  }
});

test("the tasks have the names that operators know", () => {
  const verbs = ["setup", "all", "p1", "p2", "p3", "status", "restart", "clean", "guard-status"];
  const known = [
    "bench:run",
    "bench:validate",
    "build",
    "cache:autoscale",
    "cache:autoscale-apply",
    "cache:autoscale-loop",
    "cache:check-gaps",
    "cache:check-gaps:recent",
    "cache:detect-overflow",
    "cache:optimize",
    "cache:populate",
    "cache:postprocess-all",
    "cache:postprocess-shib",
    "cache:status",
    "cache:validate-dedup",
    "check-full",
    "db:ensure",
    ...["incidents", "install", "once", "status", "test", "uninstall"].map((verb) => `heartbeat:${verb}`),
    "kintsugi",
    ...["check", "daemon", "log", "replay"].map((verb) => `kintsugi:${verb}`),
    "test",
    ...verbs.map((verb) => `cache:populate-${verb}`),
  ];
  for (const name of known) assert.ok(tasks.has(name), name);
});

test("the tasks of the phases ask for the thresholds of their groups", () => {
  for (const [phase, thresholds] of [
    ["p1", [1000]],
    ["p2", [250]],
    ["p3", [500, 750]],
  ] as const) {
    const run = tasks.get(`cache:populate-${phase}`)?.run ?? "";
    assert.deepEqual(
      [...run.matchAll(/--threshold (\d+)/g)].map((match) => Number(match[1])),
      thresholds,
    );
    assert.equal(groupOf(thresholds), phase);
  }
});

test("nothing refreshes by force", () => {
  for (const [name, { run }] of tasks) assert.doesNotMatch(run, /force/, name);
});
