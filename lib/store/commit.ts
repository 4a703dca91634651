import { z } from "zod";
import type { Day } from "../model/day.ts";
import { RefusedError, UnavailableError } from "../model/errors.ts";
import { release } from "../model/release.ts";
import { foldDigest, type Part } from "../native/index.ts";
import { digestOfBars } from "./digest.ts";
import { sqlInteger } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import { publishedBuildQuery } from "./builds.ts";
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

const lookRow = z.object({ others: z.coerce.number(), later: z.coerce.number(), moved: z.coerce.boolean() });
const counted = z.object({ rows: z.coerce.number() });

/**
 * Commits several units of one job: a block of bars each, read back and compared, then one block of coverage rows for all,
 * which is the commit.
 * @throws RefusedError SUPERSEDED when a later attempt has taken a unit over; UnavailableError READ_BACK_DIFFERS
 */
export async function commitUnits(store: Store, commits: readonly UnitCommit[]): Promise<void> {
  await Promise.all(commits.map(async ({ unit }) => refuseIfSuperseded(store, unit)));
  for (const commit of commits) {
    if (commit.bars > 0) await store.insertNative("barkeep.bars", commit.block);
    await compareReadBack(store, commit);
  }
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
 * Has another attempt committed since this one began, has a later one taken the lease, or has another build been published? A
 * courtesy: correctness rests on the chain, not on this look.
 */
async function refuseIfSuperseded(store: Store, unit: OpenUnit): Promise<void> {
  const { attempt, attempts } = unit;
  const known = [...attempts, attempt].map(sqlInteger).join(", ");
  const key = unitKey(unit);
  const [look] = await store.rows(
    `SELECT uniqExactIf(attempt, attempt NOT IN (${known})) AS others,
  (SELECT count() FROM (SELECT attempt FROM barkeep.leases WHERE ${key} AND attempt > ${sqlInteger(attempt)} GROUP BY attempt HAVING max(event) != 'released')) AS later,
  (${publishedBuildQuery(unit.series, unit.segment)}) != ${sqlInteger(unit.published)} AS moved
FROM barkeep.coverage WHERE ${key}`,
    lookRow,
  );
  if (look?.others === 0 && look.later === 0 && !look.moved) return;
  throw new RefusedError(`another process has taken ${unit.unitId} over`, {
    code: "SUPERSEDED",
    subject: unit.unitId,
    hint: "nothing is lost; let the other one go on, or run the same command again once it has ended",
  });
}

/** What the store holds of this attempt must be what was sent: as many rows, and the same digest. */
async function compareReadBack(store: Store, { unit, bars, coverage }: UnitCommit): Promise<void> {
  const { attempt, position } = unit;
  const own = `${unitKey(unit)} AND attempt = ${sqlInteger(attempt)}`;
  const [found] = await store.rows(`SELECT count() AS rows FROM barkeep.bars WHERE ${own}`, counted);
  const expectedRows = position.rows + bars;
  const completed = coverage.reduce((sum, row) => sum + row.bars, 0n);
  const since = position.throughId === undefined ? "" : ` AND last_agg_trade_id > ${sqlInteger(position.throughId)}`;
  const folded =
    completed === 0n
      ? { digest: position.barsDigest ?? foldDigest(new Uint8Array()).digest, rows: 0n }
      : await digestOfBars(store, `barkeep.bars WHERE ${own} AND is_orphan = 0${since}`, position.barsDigest);
  const expectedDigest = coverage.at(-1)?.barsDigest;
  if (found?.rows === expectedRows && folded.rows === completed && folded.digest === expectedDigest) return;
  throw new UnavailableError(
    `the store returned ${found?.rows ?? 0} rows of ${unit.unitId} where ${expectedRows} were sent, or other contents`,
    {
      code: "READ_BACK_DIFFERS",
      subject: store.where,
      hint: "nothing was committed; run the same command again, and check the store's disk if it happens again",
    },
  );
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
