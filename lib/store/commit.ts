import { z } from "zod";
import type { Day } from "../model/day.ts";
import { UnavailableError } from "../model/errors.ts";
import { release } from "../model/release.ts";
import { foldDigest, type Part } from "../native/index.ts";
import { digestOfBars } from "./digest.ts";
import { sqlInteger } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import { refuseIfSuperseded } from "./superseded.ts";
import { unitKey } from "./unit-key.ts";
import type { OpenUnit } from "./units.ts";

/** A coverage row to be: a part with the archive it was read from; the last one of a unit carries the checkpoint. */
export interface NewCoverage extends Part {
  readonly day: Day;
  readonly dayDone: boolean;
  readonly sourceName: string;
  readonly sourceSha256: string;
  readonly sourceRevision: number;
  readonly checkpoint: Uint8Array | undefined;
}

/** A unit's share of a commit. */
export interface UnitCommit {
  readonly unit: OpenUnit;
  readonly bars: number;
  /** The bars as one Native block of at most 200,000 rows. */
  readonly block: Uint8Array;
  readonly coverage: readonly NewCoverage[];
}

const countRow = z.object({ series: z.string(), segment: z.string(), build: z.number(), rows: z.coerce.number() });

/**
 * Commits several units of one job: a block of bars each, read back and compared, then one block of coverage rows for all,
 * which is the commit.
 * @throws RefusedError SUPERSEDED when a later attempt has taken a unit over; UnavailableError READ_BACK_DIFFERS
 */
export async function commitUnits(store: Store, commits: readonly UnitCommit[]): Promise<void> {
  await refuseIfSuperseded(
    store,
    commits.map(({ unit }) => unit),
  );
  for (const { bars, block } of commits) if (bars > 0) await store.insertNative("barkeep.bars", block);
  await compareReadBack(store, commits);
  const rows = commits.flatMap(({ unit, coverage }) =>
    coverage.map((row, i) => coverageRow(unit, unit.position.parts + i, row)),
  );
  await store.insertRows("barkeep.coverage", rows);
  for (const { unit, bars, coverage } of commits) {
    const last = coverage.at(-1);
    unit.position.parts += coverage.length;
    unit.position.rows += bars;
    if (last === undefined) continue;
    unit.position.throughId = last.throughId;
    unit.position.barsDigest = last.barsDigest;
  }
}

/**
 * What the store holds of these attempts must be what was sent: as many rows, and the same digest. The rows are counted while
 * the first bars come back: the one waits for the engine to understand a statement, the other for columns.
 */
async function compareReadBack(store: Store, commits: readonly UnitCommit[]): Promise<void> {
  const [rowsOf, digests] = await Promise.all([countOwnRows(store, commits), readBack(store, commits)]);
  commits.forEach((commit, i) => {
    const { unit, bars, coverage } = commit;
    const rows = rowsOf(unit);
    const expectedRows = unit.position.rows + bars;
    const digest = digests[i];
    const completed = completedBars(commit);
    if (rows === expectedRows && digest?.rows === completed && digest.digest === coverage.at(-1)?.barsDigest) return;
    throw new UnavailableError(
      `the store returned ${rows} rows of ${unit.unitId} where ${expectedRows} were sent, or other contents`,
      {
        code: "READ_BACK_DIFFERS",
        subject: store.where,
        hint: "nothing was committed; run the same command again, and check the store's disk if it happens again",
      },
    );
  });
}

/** How many rows the store holds of each attempt. */
async function countOwnRows(store: Store, commits: readonly UnitCommit[]): Promise<(unit: OpenUnit) => number> {
  const own = commits.map(({ unit }) => `(${ownRows(unit)})`).join(" OR ");
  const counts = await store.rows(
    `SELECT series, segment, build, count() AS rows FROM barkeep.bars WHERE ${own} GROUP BY series, segment, build`,
    countRow,
  );
  const isOf = (unit: OpenUnit, one: z.output<typeof countRow>): boolean =>
    one.series === unit.series && one.segment === unit.segment && one.build === unit.build;
  return (unit) => counts.find((one) => isOf(unit, one))?.rows ?? 0;
}

type FoldedDigest = ReturnType<typeof foldDigest>;

/** The digest of each unit's bars through this commit, and how many bars of the commit it was folded from. */
async function readBack(store: Store, commits: readonly UnitCommit[]): Promise<FoldedDigest[]> {
  const digests: FoldedDigest[] = [];
  // One after the other: a block's columns are held in memory.
  for (const commit of commits) {
    const { unit } = commit;
    const { throughId, barsDigest } = unit.position;
    const since = throughId === undefined ? "" : ` AND last_agg_trade_id > ${sqlInteger(throughId)}`;
    digests.push(
      completedBars(commit) === 0n
        ? { digest: barsDigest ?? foldDigest(new Uint8Array()).digest, rows: 0n }
        : await digestOfBars(store, `barkeep.bars WHERE ${ownRows(unit)} AND is_orphan = 0${since}`, barsDigest),
    );
  }
  return digests;
}

function completedBars({ coverage }: UnitCommit): bigint {
  return coverage.reduce((sum, row) => sum + row.bars, 0n);
}

function ownRows(unit: OpenUnit): string {
  return `${unitKey(unit)} AND attempt = ${sqlInteger(unit.attempt)}`;
}

function coverageRow(unit: OpenUnit, part: number, row: NewCoverage): Record<string, unknown> {
  return {
    series: unit.series,
    segment: unit.segment,
    build: unit.build,
    attempt: unit.attempt.toString(),
    part,
    day: row.day,
    day_done: row.dayDone,
    from_id: row.fromId.toString(),
    through_id: row.throughId.toString(),
    first_us: row.firstUs.toString(),
    last_us: row.lastUs.toString(),
    records: row.records.toString(),
    fills: row.fills.toString(),
    volume: row.volume.toString(),
    turnover: row.turnover.toString(),
    bars: row.bars.toString(),
    orphans: row.orphans.toString(),
    quarantined: row.quarantined.toString(),
    bars_digest: row.barsDigest.toString(),
    source_name: row.sourceName,
    source_sha256: row.sourceSha256,
    source_revision: row.sourceRevision,
    base: unit.base.map((link) => ({ attempt: link.attempt.toString(), through_id: link.throughId.toString() })),
    checkpoint: row.checkpoint === undefined ? "" : Buffer.from(row.checkpoint).toString("base64"),
    core_release: release,
  };
}
