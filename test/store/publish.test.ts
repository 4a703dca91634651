import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { z } from "zod";
import { RefusedError } from "../../lib/model/errors.ts";
import { parseSegmentId } from "../../lib/model/segments.ts";
import { seriesId } from "../../lib/model/series.ts";
import { pointerHistory } from "../../lib/store/builds.ts";
import { movePointer, takePublishRight, type PublishRight } from "../../lib/store/publish.ts";
import { openEmbedded, type Store } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";
import { seriesAt } from "./week.ts";

const segment = parseSegmentId("2024");
let store: Store;
let runs = 0;

before(async () => {
  store = await openEmbedded(join(temporaryFolder("publish"), "state"));
});
after(async () => {
  await store.close();
});

/** What one of several publishers does next; builds have one bar each, so that a reader can tell them apart. */
const step = fc.record({
  who: fc.nat({ max: 3 }),
  what: fc.constantFrom("take", "publish", "publish unseeing", "undo"),
});

const seenRow = z.object({ build: z.number() });

test("publishers that take rights, publish late and undo in any order: readers always see one build whole, that of the greatest right", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 24 }), async (steps) => {
      runs += 1;
      const series = seriesId(seriesAt(`publish-${runs}`, 10));
      const bars = async (build: number): Promise<void> => {
        const key = { series, segment, build, attempt: "1" };
        await store.insertRows("barkeep.bars", [
          { ...key, ended_by_id: "5", first_agg_trade_id: "1", last_agg_trade_id: "5" },
        ]);
        const base = { ...key, part: 0, day: "2024-08-05", from_id: "1", through_id: "5" };
        await store.insertRows("barkeep.coverage", [base]);
      };
      await bars(1);
      await store.insertRows("barkeep.pointer (series, segment, build, seq, reason)", [
        { series, segment, build: 1, seq: 1, reason: "first build" },
      ]);
      let builds = 1;
      const rights = new Map<number, PublishRight>();
      /** The pointer's rows as a model keeps them. */
      const rows: { seq: bigint; build: number }[] = [{ seq: 1n, build: 1 }];
      const top = (): number => rows.reduce((best, row) => (row.seq > best.seq ? row : best)).build;
      const publish = async (right: PublishRight): Promise<void> => {
        try {
          await movePointer(store, right, { expected: top(), reason: "test", held: false });
          rows.push(right);
        } catch (error) {
          assert.ok(error instanceof RefusedError && error.code === "SUPERSEDED", String(error));
        }
      };
      for (const { who, what } of steps) {
        const right = rights.get(who);
        if (what === "take" || right === undefined) {
          builds += 1;
          await bars(builds);
          rights.set(who, await takePublishRight(store, { series, segment, build: builds }));
        } else if (what === "publish") {
          rights.delete(who);
          await publish(right);
        } else if (what === "publish unseeing") {
          // It looked, was stopped, and writes its row however late.
          rights.delete(who);
          await store.insertRows("barkeep.pointer (series, segment, build, seq, reason)", [
            { series, segment, build: right.build, seq: right.seq.toString(), reason: "late" },
          ]);
          rows.push(right);
        } else {
          const [, ...earlier] = await pointerHistory(store, series, segment);
          const target = earlier.find((row) => row.build !== top());
          if (target === undefined) continue;
          await publish(await takePublishRight(store, { series, segment, build: target.build }));
        }
        const seen = await store.rows(`SELECT build FROM barkeep.bars_published WHERE series = '${series}'`, seenRow);
        assert.deepEqual(seen, [{ build: top() }]);
      }
    }),
    { numRuns: 12, endOnFailure: true },
  );
});
