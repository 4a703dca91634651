import assert from "node:assert/strict";
import { z } from "zod";
import { barkeep } from "../ops/run.ts";
import type { FleetRig } from "../rig/fleet.ts";

const rowSchema = z.object({
  unit: z.string(),
  build: z.number(),
  attempt: z.coerce.bigint(),
  from_id: z.coerce.bigint(),
  through_id: z.coerce.bigint(),
});

const journalSchema = z.object({ events: z.array(z.object({ kind: z.string(), subject: z.string() })) });

/** Holds that no unit was ever built by two at once, nor any part of it twice. @param units how many there are */
export async function assertBuiltOnce(rig: FleetRig, units: number): Promise<void> {
  const rows = await rig.store.rows(
    "SELECT concat(series, ':', segment) AS unit, build, attempt, from_id, through_id FROM barkeep.coverage ORDER BY unit, from_id",
    rowSchema,
  );
  const byUnit = Map.groupBy(rows, ({ unit }) => unit);
  assert.equal(byUnit.size, units);
  for (const [unit, parts] of byUnit) {
    for (const [i, part] of parts.entries()) {
      const before = parts[i - 1];
      if (before === undefined) continue;
      assert.equal(part.from_id, before.through_id + 1n, `${unit}: each trade is in one part`);
      assert.equal(part.build, before.build, `${unit}: there is one build`);
      assert.ok(part.attempt >= before.attempt, `${unit}: an attempt goes on where the one before it ended`);
    }
  }
  for (const { name, directory } of rig.hosts) {
    const words = ["ledger", "journal", "--kind", "attempt", "--limit", "100000", "--json"];
    const { stdout, stderr } = await barkeep(words, { BARKEEP_STATE: directory });
    assert.notEqual(stdout, "", stderr);
    const { events } = journalSchema.parse(JSON.parse(stdout));
    for (const [unit, ofUnit] of Map.groupBy(events, ({ subject }) => subject)) {
      const kinds = ofUnit.map(({ kind }) => kind);
      const alternate = kinds.map((_kind, i) => (i % 2 === 0 ? "attempt.started" : "attempt.ended"));
      assert.deepEqual(kinds, alternate, `${unit} on ${name}: an attempt begins when the one before it has ended`);
    }
  }
}
