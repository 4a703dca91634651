import { z } from "zod";
import { parseSegmentId, type SegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { sqlInteger, sqlString, type Store } from "../store/index.ts";
import { hashedColumns, mirrorColumns } from "./mirror-columns.ts";
import type { Sums } from "./sums.ts";

/** A build of a segment: what the mirror counts and compares as one. */
export interface MirroredUnit {
  readonly series: SeriesId;
  readonly segment: SegmentId;
  readonly build: number;
}

/** A place in a unit's rows, which are read in this order. */
export interface RowKey {
  readonly attempt: bigint;
  readonly part: bigint;
}

/** A coverage row as the store gives it. */
export interface StoredRow {
  readonly unit: string;
  readonly key: RowKey;
  /** The columns of the mirror, in their order, as text. */
  readonly fields: readonly string[];
  readonly hash: bigint;
  /** Base64; empty but for the last row of a commit. */
  readonly checkpoint: string;
  /** Rows that the store holds beside this one under the same key. */
  readonly doubles: readonly StoredRow[];
}

/** A text per unit, for maps. */
export function unitText({ series, segment, build }: MirroredUnit): string {
  return `${series}\t${segment}\t${build}`;
}

const rowHash = `reinterpretAsInt64(sipHash64(${hashedColumns.join(", ")}))`;
const bigintText = z.string().transform(BigInt);

const summaryRow = z.object({
  series: z.string().transform((text) => seriesId(parseSeriesId(text))),
  segment: z.string().transform(parseSegmentId),
  build: z.number(),
  rows: bigintText,
  hash: bigintText,
});

/** Every unit that has coverage, published or not. */
export async function storedSums(store: Store): Promise<(MirroredUnit & Sums)[]> {
  return store.rows(
    `SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, build, count() AS rows, sum(${rowHash}) AS hash
FROM barkeep.coverage GROUP BY series, segment, build ORDER BY series, segment, build`,
    summaryRow,
  );
}

/** Which rows of a unit to read: all, or those behind a key. */
export interface Wanted {
  readonly unit: MirroredUnit;
  readonly after: RowKey | undefined;
}

/** Coverage rows of several units, unit by unit in the order of their keys, in lists of about `listRows`. */
export async function* storedRows(
  store: Store,
  wanted: readonly Wanted[],
  listRows: number,
): AsyncGenerator<StoredRow[]> {
  const whole = wanted.filter(({ after }) => after === undefined).map(({ unit }) => tupleOf(unit));
  const conditions = [
    ...(whole.length === 0 ? [] : [`(series, segment, build) IN (${whole.join(", ")})`]),
    ...wanted.flatMap(({ unit, after }) => (after === undefined ? [] : [behind(unit, after)])),
  ];
  const key = "reinterpretAsInt64(attempt), part";
  const sql = `SELECT series, segment, build, ${mirrorColumns.map(({ select }) => select).join(", ")}, ${rowHash} AS row_hash, checkpoint
FROM barkeep.coverage WHERE ${conditions.join(" OR ")} ORDER BY series, segment, build, ${key}, row_hash`;
  let list: StoredRow[] = [];
  for await (const lines of linesOf(store.stream(sql, "TabSeparated"))) {
    for (const line of lines) {
      const row = parseLine(line);
      const last = list.at(-1);
      if (last !== undefined && isSameKey(last, row)) {
        list[list.length - 1] = { ...row, doubles: [...last.doubles, { ...last, doubles: [] }] };
        continue;
      }
      if (list.length >= listRows) {
        yield list;
        list = [];
      }
      list.push(row);
    }
  }
  if (list.length > 0) yield list;
}

function tupleOf({ series, segment, build }: MirroredUnit): string {
  return `(${sqlString(series)}, ${sqlString(segment)}, ${sqlInteger(build)})`;
}

function behind(unit: MirroredUnit, { attempt, part }: RowKey): string {
  return `((series, segment, build) = ${tupleOf(unit)} AND (reinterpretAsInt64(attempt), part) > (${sqlInteger(attempt)}, ${sqlInteger(part)}))`;
}

function isSameKey(a: StoredRow, b: StoredRow): boolean {
  return a.unit === b.unit && a.key.attempt === b.key.attempt && a.key.part === b.key.part;
}

/** The whole lines of each chunk of a stream. */
async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield lines;
  }
  if (rest !== "") throw new Error("the store's answer ends within a row");
}

const keyColumns = 3;
const behindFields = 2;

function parseLine(line: string): StoredRow {
  const cells = line.split("\t");
  const [series = "", segment = "", build = "", attempt = "", part = ""] = cells;
  const end = keyColumns + mirrorColumns.length;
  const [hash, checkpoint] = cells.slice(end);
  if (cells.length !== end + behindFields || hash === undefined || checkpoint === undefined) {
    throw new Error(`the store gave a row of ${cells.length} cells`);
  }
  const fields = cells.slice(keyColumns, end);
  return {
    unit: `${series}\t${segment}\t${build}`,
    key: { attempt: BigInt(attempt), part: BigInt(part) },
    fields: line.includes("\\") ? fields.map(unescaped) : fields,
    hash: BigInt(hash),
    checkpoint,
    doubles: [],
  };
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", r: "\r", n: "\n", t: "\t", "0": "\0" };

/** A cell of ClickHouse's TabSeparated format as the text it stands for. */
function unescaped(cell: string): string {
  return cell.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
}
