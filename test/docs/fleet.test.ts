import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseFleet, projectRoot } from "../../lib/config/index.ts";
import { fleetSchema } from "../../lib/config/fleet-schema.ts";
import { read } from "./pages.ts";

const page = read("docs/fleet.md");
const keys = Object.keys(fleetSchema.shape.hosts.valueType.shape);

test("the page's table of keys is the schema's", () => {
  const table = page.slice(page.indexOf("## Keys of a host"), page.indexOf("```toml"));
  assert.deepEqual(
    [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key),
    keys,
  );
});

test("the page's example, and the remote host in the comments of fleet.toml, are valid and have every key", () => {
  const example = /```toml\n([^]*?)```/.exec(page)?.[1] ?? "";
  assert.deepEqual([...parseFleet(example, "example").hosts.keys()], ["here", "bigbox"]);
  const committed = read("fleet.toml");
  const remote = committed.slice(committed.indexOf("# [hosts.")).replace(/^# ?/gm, "");
  assert.equal(parseFleet(remote, "fleet.toml").hosts.size, 1);
  for (const key of keys) for (const text of [example, remote]) assert.match(text, new RegExp(`^${key} =`, "m"));
});

test("the page names every code of a host's failures", () => {
  const folder = join(projectRoot, "lib", "hosts");
  const source = readdirSync(folder)
    .map((file) => read(`lib/hosts/${file}`))
    .join("\n");
  const codes = new Set([...source.matchAll(/code: "([A-Z_]+)"/g)].map(([, code]) => code));
  for (const code of codes) assert.ok(page.includes(`\`${code}\``), code);
});
