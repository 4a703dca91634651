import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { z } from "zod";
import { addonSourcesHash } from "../../lib/native/index.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";

/** Paths are put in order part by part. */
function byParts(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  const at = left.findIndex((part, i) => part !== right[i]);
  return (left[at] ?? "") < (right[at] ?? "") ? -1 : 1;
}

/** What an addon built from these sources would call itself. */
function hashOfSources(native: string): string {
  const sources = ["core/src", "node/src"].flatMap((folder) =>
    readdirSync(join(native, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".rs"))
      .map((name) => `${folder}/${name.split(sep).join("/")}`),
  );
  const hash = createHash("sha256");
  for (const source of ["Cargo.lock", ...sources].sort(byParts)) hash.update(readFileSync(join(native, source)));
  return hash.digest("hex").slice(0, 16);
}

test("the addon that is loaded was built from the sources that are here", () => {
  assert.equal(addonSourcesHash(), hashOfSources(join(projectRoot, "native")), "older than the code: npm run build");
});

const findingShape = z.object({ ok: z.boolean(), detail: z.string(), fix: z.string() });

test("setup sees an addon that is older than its sources, and says what to do", async () => {
  const root = temporaryFolder("addon-age");
  mkdirSync(join(root, "native", "target"), { recursive: true });
  cpSync(join(projectRoot, "scripts"), join(root, "scripts"), { recursive: true });
  for (const folder of ["core", "node"]) {
    cpSync(join(projectRoot, "native", folder), join(root, "native", folder), { recursive: true });
  }
  for (const name of ["Cargo.toml", "Cargo.lock"]) {
    cpSync(join(projectRoot, "native", name), join(root, "native", name));
  }
  const run = async (call: string): Promise<string> => {
    const program = `const checks = await import(${JSON.stringify(join(root, "scripts", "setup-checks.mjs"))}); ${call}`;
    const { stdout } = await execa(process.execPath, ["--input-type=module", "--eval", program]);
    return stdout;
  };
  const check = async (): Promise<z.infer<typeof findingShape>> =>
    findingShape.parse(JSON.parse(await run("console.log(JSON.stringify(checks.checkAddon()))")));

  assert.deepEqual(await check(), { ok: false, detail: "not built", fix: "npm run build" });
  writeFileSync(join(root, "native", "barkeep.node"), "an addon");
  await run("checks.stampAddon()");
  assert.equal((await check()).ok, true);

  const source = join(root, "native", "core", "src", "lib.rs");
  const before = readFileSync(source);
  appendFileSync(source, "\n// changed\n");
  assert.deepEqual(await check(), { ok: false, detail: "older than its sources in native/", fix: "npm run build" });
  writeFileSync(source, before);
  assert.equal((await check()).ok, true);

  rmSync(join(root, "native", "barkeep.node"));
  assert.equal((await check()).ok, false, "an addon that was removed");
});
