/**
 * Says what a store holds: when the last commit was made, and how many trades are covered.
 * `node last-commit.ts STATE`; run by ../resume.ts in a process of its own.
 */
import { z } from "zod";
import { openEmbedded } from "../../lib/store/store.ts";

const row = z.object({ committed_at_ms: z.coerce.number(), trades: z.coerce.number() });

const store = await openEmbedded(process.argv[2] ?? "");
try {
  const [found] = await store.rows(
    "SELECT max(toUnixTimestamp64Milli(committed_at)) AS committed_at_ms, sum(records) AS trades FROM barkeep.coverage_published",
    row,
  );
  process.stdout.write(`${JSON.stringify(found)}\n`);
} finally {
  await store.close();
}
