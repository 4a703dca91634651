import { z } from "zod";
import { pinnedBars, sqlInteger, type CoverageRow, type NativeBlock, type Store } from "../../../store/index.ts";
import { formingBar } from "../forming.ts";
import { barRules, withRuns, type BarRule } from "./bar-rules.ts";
import { listedMax, type Findings } from "./finding.ts";
import { dayOfId, type Subject } from "./subject.ts";

/** What the bars of one coverage row come to: those whose last trade is in it. */
export interface PartSums {
  readonly bars: bigint;
  readonly orphans: bigint;
  readonly records: bigint;
  readonly fills: bigint;
  readonly volume: bigint;
  readonly turnover: bigint;
  /** The greatest id of a bar. */
  readonly lastId: bigint;
  /** The first and the last time at which a bar closes. */
  readonly firstUs: bigint;
  readonly lastUs: bigint;
  /** The first ids of the bars that have those two times, and the greatest id. */
  readonly ids: readonly [bigint, bigint, bigint];
}

const bigintText = z.string().transform(BigInt);
const sumsRow = z.object({
  part_id: bigintText,
  completed: bigintText,
  orphans: bigintText,
  records: bigintText,
  fills: bigintText,
  volume_sum: bigintText,
  turnover_sum: bigintText,
  last_id: bigintText,
  first_us: bigintText,
  last_us: bigintText,
  ids: z.tuple([bigintText, bigintText, bigintText]),
  faults: z.array(bigintText),
});

/** A statement has room for the first ids of as many coverage rows. */
const partsMax = 5_000;

/**
 * Holds every bar against the rules of single bars and adds up what belongs to each coverage row, in one pass.
 * @returns by the row's first id; absent where no bar ends in it
 */
export async function auditBars(
  store: Store,
  subject: Subject,
  findings: Findings,
): Promise<ReadonlyMap<bigint, PartSums>> {
  const rules = barRules(subject);
  const rows: z.output<typeof sumsRow>[] = [];
  for (const { starts, extent } of stretches(subject.pinned.parts)) {
    rows.push(...(await store.rows(sumsQuery(subject, rules, starts, extent), sumsRow)));
  }
  for (const [i, rule] of rules.entries()) {
    const count = rows.reduce((sum, row) => sum + (row.faults[i] ?? 0n), 0n);
    if (count > 0n) await list(store, subject, rule, count, findings);
  }
  return new Map(rows.map((row) => [row.part_id, sumsOf(row)]));
}

/** Coverage in stretches that a statement has room for; every bar is in exactly one. */
function stretches(parts: readonly CoverageRow[]): { starts: bigint[]; extent: string }[] {
  const count = Math.ceil(parts.length / partsMax);
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [parts[i * partsMax]?.fromId, parts[(i + 1) * partsMax]?.fromId];
    const lower = i === 0 || from === undefined ? "" : ` AND last_agg_trade_id >= ${sqlInteger(from)}`;
    const upper = to === undefined ? "" : ` AND last_agg_trade_id < ${sqlInteger(to)}`;
    const starts = parts.slice(i * partsMax, (i + 1) * partsMax).map((part) => part.fromId);
    return { starts: [...new Set(starts)], extent: lower + upper };
  });
}

function sumsQuery(subject: Subject, rules: readonly BarRule[], starts: readonly bigint[], extent: string): string {
  return `${withRuns(subject)},
  CAST([${starts.map(sqlInteger).join(",")}], 'Array(Int64)') AS part_starts
SELECT roundDown(last_agg_trade_id, part_starts) AS part_id,
  countIf(is_orphan = 0) AS completed, countIf(is_orphan != 0) AS orphans,
  sum(toInt128(agg_record_count)) AS records, sum(toInt128(individual_trade_count)) AS fills,
  sum(volume) AS volume_sum, sum(turnover) AS turnover_sum, max(last_agg_trade_id) AS last_id,
  min(close_time) AS first_us, max(close_time) AS last_us,
  (argMin(first_agg_trade_id, close_time), argMax(first_agg_trade_id, close_time),
    argMax(first_agg_trade_id, last_agg_trade_id)) AS ids,
  [${rules.map(({ fault }) => `countIf(${fault})`).join(",\n  ")}] AS faults
FROM ${pinnedBars(subject.pinned)}${extent} GROUP BY part_id`;
}

function sumsOf(row: z.output<typeof sumsRow>): PartSums {
  const { completed: bars, orphans, records, fills, volume_sum: volume, turnover_sum: turnover, ids } = row;
  const { last_id: lastId, first_us: firstUs, last_us: lastUs } = row;
  return { bars, orphans, records, fills, volume, turnover, lastId, firstUs, lastUs, ids };
}

const faultyRow = z.object({ id: bigintText, cells: z.array(z.string()) });

/** Names the first bars that break a rule. */
async function list(store: Store, subject: Subject, rule: BarRule, count: bigint, findings: Findings): Promise<void> {
  const rows = await store.rows(
    `${withRuns(subject)}
SELECT first_agg_trade_id AS id, [${rule.shown.map((name) => `toString(${name})`).join(", ")}] AS cells
FROM ${pinnedBars(subject.pinned)} AND (${rule.fault}) ORDER BY id LIMIT ${listedMax}`,
    faultyRow,
  );
  for (const { id, cells } of rows) {
    const shown = rule.shown.map((name, i) => `${name} ${cells[i] ?? ""}`).join(", ");
    const place = { day: dayOfId(subject, id), id };
    findings.add(rule.code, `the bar that begins with trade ${id}: ${rule.what} (${shown})`, place);
  }
  findings.addMore(rule.code, Number(count) - rows.length);
}

/** The bar that is forming behind a segment's last commit. */
export interface Forming {
  readonly firstId: bigint;
  readonly lastId: bigint;
  readonly records: bigint;
  readonly fills: bigint;
  readonly volume: bigint;
  readonly turnover: bigint;
}

const formingRow = z.object({ faults: z.array(z.number()) });

/** Takes the forming bar out of the checkpoint and holds it against the same rules. */
export async function auditForming(store: Store, subject: Subject, findings: Findings): Promise<Forming | undefined> {
  const block = subject.checkpoint === undefined ? undefined : await formingBar(subject.checkpoint);
  if (block === undefined) return undefined;
  const rules = barRules(subject).filter((rule) => rule.storedOnly !== true);
  const [row] = await store.rows(
    `SELECT [${rules.map(({ fault }) => `toUInt8(${fault})`).join(", ")}] AS faults FROM (${formingAsRow(block)})`,
    formingRow,
  );
  const place = { day: subject.last.day };
  rules.forEach(({ code, what }, i) => {
    if (row?.faults[i] !== 0) findings.add(code, `the forming bar of the last checkpoint: ${what}`, place);
  });
  const cell = (name: string): bigint => integerCell(block, name);
  return {
    firstId: cell("first_agg_trade_id"),
    lastId: cell("last_agg_trade_id"),
    records: cell("agg_record_count"),
    fills: cell("individual_trade_count"),
    volume: cell("volume"),
    turnover: cell("turnover"),
  };
}

const wide: ReadonlySet<string> = new Set(
  ["volume", "turnover"].flatMap((name) => [name, `buy_${name}`, `sell_${name}`]),
);

/** As a stored row that no breach has ended: what is true of an orphan is true of it. */
function formingAsRow(block: NativeBlock): string {
  const cells = [...block.columns.keys()].flatMap((name) => {
    if (typeof block.columns.get(name)?.[0] !== "bigint") return [];
    const type = wide.has(name) ? "toInt128" : "toInt64";
    return [`${type}('${sqlInteger(integerCell(block, name))}') AS ${name}`];
  });
  return `SELECT ${cells.join(", ")}, 1 AS is_orphan`;
}

function integerCell(block: NativeBlock, name: string): bigint {
  return BigInt(block.columns.get(name)?.[0] ?? 0);
}
