import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { barkeep, projectRoot, temporaryFolder } from "./run.ts";

const document = z.object({
  version: z.literal(1),
  checks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(["ok", "failed", "unknown"]),
      detail: z.string(),
      fix: z.string().nullable(),
    }),
  ),
});

async function doctor(words: readonly string[], env: Record<string, string> = {}) {
  const outcome = await barkeep(["doctor", "--json", ...words], env);
  const { checks } = document.parse(JSON.parse(outcome.stdout));
  return { code: outcome.code, of: (name: string) => checks.find((check) => check.name === name), checks };
}

test("all is well in a tree that is set up, and nothing is made", async () => {
  const state = join(temporaryFolder("doctor"), "state");
  const it = await doctor(["--state", state, "--archive", join(projectRoot, "examples", "archive")]);
  assert.deepEqual(
    it.checks.filter((check) => check.state !== "ok"),
    [],
  );
  assert.equal(it.code, 0);
  assert.match(it.of("store")?.detail ?? "", /none yet/);
});

test("what is missing is named with what fixes it; what cannot be looked at is unknown, not clean", async () => {
  const common = ["--state", join(temporaryFolder("doctor"), "state")];
  const bad = await doctor([...common, "--symbols", "/nowhere.toml", "--archive", "/nowhere"], {
    UV_THREADPOOL_SIZE: "4",
  });
  assert.equal(bad.code, 1);
  for (const name of ["registry", "archive", "thread pool"]) {
    assert.equal(bad.of(name)?.state, "failed", name);
    assert.notEqual(bad.of(name)?.fix ?? "", "");
  }
  const away = await doctor([...common, "--archive", "http://127.0.0.1:9"]);
  assert.equal(away.of("archive")?.state, "unknown");
  assert.equal(away.code, 2);
  const noStore = await doctor(common, { CLICKHOUSE_URL: "http://127.0.0.1:9" });
  assert.equal(noStore.of("store")?.state, "unknown");
  assert.equal(noStore.code, 2);
});
