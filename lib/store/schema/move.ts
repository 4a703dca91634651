import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { UnavailableError } from "../../model/errors.ts";
import { sqlString } from "../sql/literal.ts";
import type { Store } from "../store.ts";

/** Rows that a migration brings from one table into another, which its statements have made with the same partitions. */
export interface Move {
  /** With its database, as `into`. The rows stay there. */
  readonly from: string;
  readonly into: string;
  /** Columns of `into`, each with the expression over `from`'s columns that fills it. */
  readonly columns: Readonly<Record<string, string>>;
  /** Columns that name a row; the same in both tables. */
  readonly key: readonly string[];
}

const askAgainMs = 100;

const runningRow = z.object({ statements: z.coerce.number() });
const partitionRow = z.object({ id: z.string(), rows: z.string().transform(BigInt) });

/**
 * Moves partition after partition, each by one statement that leaves out what is there: a statement that was cut short has
 * left some of its blocks behind. Ends when both tables hold as many rows in every partition.
 * @throws UnavailableError MIGRATION_DOUBLED_ROWS, MIGRATION_LOST_ROWS
 */
export async function moveRows(store: Store, move: Move): Promise<void> {
  let behind: bigint | undefined;
  for (;;) {
    await untilNoneRuns(store, move);
    const [wanted, moved] = [await partitionsOf(store, move.from), await partitionsOf(store, move.into)];
    refuseDoubledRows(store, move, wanted, moved);
    const open = [...wanted].filter(([id, rows]) => moved.get(id) !== rows);
    const missing = open.reduce((sum, [id, rows]) => sum + rows - (moved.get(id) ?? 0n), 0n);
    if (missing === 0n) return;
    // Each pass brings all that is there; only rows that another program adds meanwhile are left for the next one.
    if (missing === behind) throw lostRows(store, move, missing);
    behind = missing;
    for (const [id] of open) await store.command(moveStatement(move, id));
  }
}

/** A server may still run the statement of a program that was killed. */
async function untilNoneRuns(store: Store, { into }: Move): Promise<void> {
  const running = `SELECT count() AS statements FROM system.processes WHERE startsWith(query, ${sqlString(insertInto(into))})`;
  for (;;) {
    const [row] = await store.rows(running, runningRow);
    if (row?.statements === 0) return;
    await delay(askAgainMs);
  }
}

function insertInto(table: string): string {
  return `INSERT INTO ${table} `;
}

function moveStatement({ from, into, columns, key }: Move, partition: string): string {
  const inPartition = `_partition_id = ${sqlString(partition)}`;
  const names = key.join(", ");
  return `${insertInto(into)}(${Object.keys(columns).join(", ")}) SELECT ${Object.values(columns).join(", ")} FROM ${from}
WHERE ${inPartition} AND (${names}) NOT IN (SELECT ${names} FROM ${into} WHERE ${inPartition})`;
}

async function partitionsOf(store: Store, name: string): Promise<Map<string, bigint>> {
  const [database = "", table = ""] = name.split(".");
  const rows = await store.rows(
    `SELECT partition_id AS id, toString(sum(rows)) AS rows FROM system.parts
WHERE database = ${sqlString(database)} AND table = ${sqlString(table)} AND active GROUP BY id ORDER BY id`,
    partitionRow,
  );
  return new Map(rows.map(({ id, rows }) => [id, rows]));
}

function refuseDoubledRows(
  store: Store,
  { from, into }: Move,
  wanted: ReadonlyMap<string, bigint>,
  moved: ReadonlyMap<string, bigint>,
): void {
  for (const [id, rows] of moved) {
    const most = wanted.get(id) ?? 0n;
    if (rows <= most) continue;
    throw new UnavailableError(`${into} holds ${rows} rows of partition ${id} where ${from} holds ${most}`, {
      code: "MIGRATION_DOUBLED_ROWS",
      subject: store.where,
      hint: `end every barkeep of this store, drop ${into}, which nothing reads yet, and run the same command again`,
    });
  }
}

function lostRows(store: Store, { from, into }: Move, missing: bigint): UnavailableError {
  return new UnavailableError(`${into} lacks ${missing} rows of ${from}, and moving them again brings none`, {
    code: "MIGRATION_LOST_ROWS",
    subject: store.where,
    hint: "the version is not on record, and nothing was taken away; run the same command again, or report it",
  });
}
