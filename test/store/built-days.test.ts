import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { seriesId } from "../../lib/model/series.ts";
import { builtDays } from "../../lib/store/built-days.ts";
import { openEmbedded, type Store } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";
import { seriesAt } from "./week.ts";

const firstDay = parseDay("2018-01-01");
const days = Array.from({ length: 2_900 }, (_, i) => addDays(firstDay, i));
let store: Store;

before(async () => {
  store = await openEmbedded(join(temporaryFolder("built-days"), "state"));
});
after(async () => store.close());

test("all days of eight years of 72 series, and days far apart, are asked for in statements that the engine takes", async () => {
  const series = Array.from({ length: 72 }, (_, i) => seriesId({ ...seriesAt("binance", 250), symbol: `S${i}USDT` }));
  const [first, last] = [series[0], series.at(-1)];
  assert.ok(first !== undefined && last !== undefined);
  for (const [i, one] of [last, first].entries()) {
    const key = { series: one, segment: "2018", build: 1, attempt: "1" };
    const ids = { from_id: "1", through_id: "5", source_sha256: "ab".repeat(32) };
    await store.insertRows("barkeep.coverage", [
      { ...key, part: 0, day: days[2 * i], ...ids },
      { ...key, part: 1, day: days[10], ...ids },
    ]);
    await store.insertRows("barkeep.pointer (series, segment, build, seq, reason)", [
      { series: one, segment: "2018", build: 1, seq: 1, reason: "first build" },
    ]);
  }
  const found = async (wanted: typeof days): Promise<string[]> => {
    const rows = await builtDays(
      store,
      series.map((one) => ({ series: one, days: wanted })),
    );
    return rows.map((row) => `${row.series} ${row.day}`);
  };
  const [a, b] = [first, last].toSorted();
  const at = (one: string | undefined, i: number): string => `${one} ${days[i]}`;
  const dayOf = (one: string | undefined): number => (one === last ? 0 : 2);
  assert.deepEqual(await found(days), [at(a, dayOf(a)), at(a, 10), at(b, dayOf(b)), at(b, 10)]);
  const apart = days.filter((_, i) => i % 2 === 0);
  assert.deepEqual(await found(apart), [at(a, dayOf(a)), at(a, 10), at(b, dayOf(b)), at(b, 10)]);
  assert.deepEqual(await found(days.slice(11)), []);
});
