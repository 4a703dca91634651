import { z } from "zod";
import { sqlInteger } from "./sql/literal.ts";
import { pinnedBars, type PinnedSegment } from "./snapshot.ts";
import type { Store } from "./store.ts";

const bigintText = z.string().transform(BigInt);

const breakRow = z
  .object({ before_last_id: bigintText, first_id: bigintText, last_id: bigintText })
  .transform((row) => ({ beforeLastId: row.before_last_id, firstId: row.first_id, lastId: row.last_id }));

/** A bar that does not begin with the id behind all bars before it. */
export type BarBreak = Readonly<z.output<typeof breakRow>>;

const endRow = z.object({ last_id: bigintText.nullable() });

/** More places than this are not listed. */
const breaksMost = 10_000;

/** Where the visible bars of one build do not follow each other, in id order; and the greatest id of a bar, where there is one. */
export async function breaksOfBars(
  store: Store,
  pinned: PinnedSegment,
): Promise<{ readonly breaks: BarBreak[]; readonly lastId: bigint | undefined }> {
  const begin = `toInt64(${sqlInteger(pinned.parts[0].fromId - 1n)})`;
  const breaks = await store.rows(
    `SELECT greatest(before, ${begin}) AS before_last_id, first_id, last_id FROM (
  SELECT first_agg_trade_id AS first_id, last_agg_trade_id AS last_id,
    max(last_agg_trade_id) OVER (ORDER BY first_agg_trade_id, last_agg_trade_id, attempt ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM ${pinnedBars(pinned)}
) WHERE first_id != before_last_id + 1 ORDER BY first_id, last_id LIMIT ${breaksMost}`,
    breakRow,
  );
  const [end] = await store.rows(`SELECT maxOrNull(last_agg_trade_id) AS last_id FROM ${pinnedBars(pinned)}`, endRow);
  return { breaks, lastId: end?.last_id ?? undefined };
}
