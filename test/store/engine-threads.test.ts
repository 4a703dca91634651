import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { z } from "zod";
import { openEmbedded } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";

const skip = availableParallelism() < 2 ? "one processor" : false;

test("a query may read with more than one thread, whatever the engine's limit of memory", { skip }, async () => {
  const store = await openEmbedded(temporaryFolder("threads"));
  try {
    const rows = await store.rows(
      "SELECT explain FROM (EXPLAIN PIPELINE SELECT sum(number) FROM numbers_mt(100000000))",
      z.object({ explain: z.string() }),
    );
    const source = rows.at(-1)?.explain ?? "";
    assert.match(source, /NumbersRange × [2-9]|NumbersRange × \d\d/, rows.map(({ explain }) => explain).join("\n"));
  } finally {
    await store.close();
  }
});
