import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { buildName, ledgerPath, openLedger, syncLedger } from "../../lib/ledger/index.ts";
import type { Store } from "../../lib/store/index.ts";
import { pinnedBars, type PinnedSegment } from "../../lib/store/snapshot.ts";

/** What coverage says of a segment, whatever commits it was made in. */
export function amountsOf({ series, segment, parts }: PinnedSegment): Record<string, string> {
  const sum = (amount: (part: (typeof parts)[number]) => bigint): string =>
    parts.reduce((total, part) => total + amount(part), 0n).toString();
  const last = parts.reduce((best, part) => (part.throughId >= best.throughId ? part : best), parts[0]);
  return {
    unit: `${series}:${segment}`,
    fromId: parts[0].fromId.toString(),
    throughId: last.throughId.toString(),
    day: last.day,
    records: sum((part) => part.records),
    fills: sum((part) => part.fills),
    volume: sum((part) => part.volume),
    turnover: sum((part) => part.turnover),
    bars: sum((part) => part.bars),
    orphans: sum((part) => part.orphans),
    barsDigest: parts.at(-1)?.barsDigest.toString() ?? "",
  };
}

const tableRow = z.object({ name: z.string(), sql: z.string() });
const versionRow = z.object({ version: z.number(), times: z.coerce.number() });

/** Tables, views, and how often each version is on record, as text. */
export async function schemaOf(store: Store): Promise<string> {
  const tables = await store.rows(
    "SELECT name, create_table_query AS sql FROM system.tables WHERE database = 'barkeep' ORDER BY name",
    tableRow,
  );
  const versions = await store.rows(
    "SELECT version, count() AS times FROM barkeep.schema_migrations GROUP BY version ORDER BY version",
    versionRow,
  );
  return `${JSON.stringify({ tables, versions }, undefined, 1)}\n`;
}

const doubledRow = z.object({ series: z.string(), rows: z.coerce.number(), keys: z.coerce.number() });
const countRow = z.object({ rows: z.coerce.number() });

/** No bar shows twice, and each published build holds as many bars as were committed to it. */
export async function lookAtRows(store: Store, pinned: readonly PinnedSegment[]): Promise<string[]> {
  const doubled = await store.rows(
    `SELECT series, count() AS rows, uniqExact(segment, first_agg_trade_id) AS keys FROM barkeep.bars_published
GROUP BY series HAVING rows != keys`,
    doubledRow,
  );
  const found = doubled.map(({ series, rows, keys }) => `${series}: ${rows} bars show, with ${keys} keys`);
  for (const one of pinned) {
    const [held] = await store.rows(`SELECT count() AS rows FROM ${pinnedBars(one)}`, countRow);
    const committed = one.parts.reduce((sum, part) => sum + part.bars + part.orphans, 0n);
    if (BigInt(held?.rows ?? 0) === committed) continue;
    found.push(`${one.series}:${one.segment}: ${held?.rows} bars in the chain, ${committed} committed`);
  }
  return found;
}

/**
 * Brings the mirror up to the store, which must hold everything that was seen there before, each row once. Every attempt has an
 * end on record.
 */
export async function lookAtLedger(
  stateDirectory: string,
  store: Store,
  isEnd: boolean,
  signal: AbortSignal,
): Promise<string[]> {
  if (!existsSync(ledgerPath(stateDirectory))) return [];
  using ledger = openLedger(stateDirectory);
  const { rows, divergences } = await syncLedger(ledger, store, signal);
  const again = await syncLedger(ledger, store, signal);
  const endless = ledger.attempts.counts().get(undefined) ?? 0;
  const mirrored = ledger.mirror.totals().rows;
  return [
    ...divergences.map(({ unit, missing, changed, doubled }) => {
      return `the ledger has seen ${buildName(unit)} otherwise: ${missing} missing, ${changed} changed, ${doubled} doubled`;
    }),
    ...(mirrored === rows ? [] : [`the ledger mirrors ${mirrored} rows of coverage, the store has ${rows}`]),
    ...(isEnd && endless > 0 ? [`${endless} attempts of processes that are gone have no end on record`] : []),
    ...(again.mirrored.rows === 0 ? [] : ["the ledger's second sync finds something to do"]),
  ];
}

/** What an owner that ended well takes away. */
export function leftovers(stateDirectory: string): string[] {
  const spool = join(stateDirectory, "spool");
  const spooled = existsSync(spool) ? readdirSync(spool).map((name) => `spool/${name}`) : [];
  const owner = existsSync(join(stateDirectory, "owner.json")) ? ["owner.json"] : [];
  return [...spooled, ...owner].map((name) => `${name} is left behind by an owner that ended well`);
}
