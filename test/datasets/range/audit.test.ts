import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { auditSegment, type VerifyFinding } from "../../../lib/datasets/range/audit/index.ts";
import { seriesId, type SeriesId } from "../../../lib/model/series.ts";
import { pinBuild, pinPublished, type PinnedSegment } from "../../../lib/store/snapshot.ts";
import { openEmbedded, type Store } from "../../../lib/store/store.ts";
import { temporaryFolder } from "../../ops/run.ts";
import { buildWeek, seriesAt, weekFiles } from "../../store/week.ts";
import { buildDays, sampleDays } from "./days.ts";

let store: Store;
/** Real trades without a hole, a day a commit: bars, and one that is forming. */
let real: PinnedSegment;
/** A week with holes, orphans and quarantined rows, some days a commit; it ended at its boundary. */
let week: PinnedSegment;
let copies = 0;

before(async () => {
  store = await openEmbedded(join(temporaryFolder("audit"), "state"));
  await buildDays(store, seriesAt("real", 25), "year", sampleDays());
  const ofWeek = seriesAt("week", 40);
  await buildWeek(store, weekFiles(), [ofWeek], 2);
  real = await pinnedOf("range:real/spot/BTCUSDT@25");
  week = await pinnedOf(seriesId(ofWeek));
});
after(async () => {
  await store.close();
});

async function pinnedOf(series: SeriesId): Promise<PinnedSegment> {
  const [pinned] = await pinPublished(store, series);
  assert.ok(pinned !== undefined, series);
  return pinned;
}

/** How a copy differs: columns by what they become, rows that are left out, rows that are there twice. */
interface Change {
  readonly set?: Readonly<Record<string, string>>;
  readonly without?: string;
  readonly twice?: string;
}

interface Tampering {
  readonly bars?: Change;
  readonly coverage?: Change;
  readonly builds?: Change;
}

/** Copies a series under another venue, changed on its way; a venue is in the key and in nothing else. */
async function tampered(of: PinnedSegment, { bars, coverage, builds }: Tampering): Promise<SeriesId> {
  copies += 1;
  const name: SeriesId = `range:copy${copies}/spot/BTCUSDT@${of.series.split("@")[1] ?? ""}`;
  const changes = { bars, coverage, builds, pointer: undefined };
  for (const [table, change] of Object.entries(changes)) {
    const set = Object.entries(change?.set ?? {}).map(([column, value]) => `${value} AS ${column}`);
    const replaced = [`'${name}' AS series`, ...set].join(", ");
    const from = `SELECT * REPLACE (${replaced}) FROM barkeep.${table} WHERE series = '${of.series}'`;
    await store.command(`INSERT INTO barkeep.${table} ${from} AND NOT (${change?.without ?? "false"})`);
    if (change?.twice !== undefined) await store.command(`INSERT INTO barkeep.${table} ${from} AND (${change.twice})`);
  }
  return name;
}

async function audit(series: SeriesId): Promise<VerifyFinding[]> {
  const [pinned] = await pinPublished(store, series);
  return pinned === undefined ? [] : auditSegment(store, pinned, { signal: AbortSignal.timeout(60_000) });
}

async function codesOf(of: PinnedSegment, tampering: Tampering): Promise<string[]> {
  const findings = await audit(await tampered(of, tampering));
  return [...new Set(findings.map(({ code }) => code))].toSorted();
}

/** One bar of the real ones, by its place. */
function nth(n: number): string {
  const inOrder = `(SELECT arraySort(groupArray(first_agg_trade_id)) FROM barkeep.bars WHERE series = '${real.series}')`;
  return `first_agg_trade_id = ${inOrder}[${n}]`;
}

test("what was built is proven, and so is its copy", async () => {
  for (const pinned of [real, week]) {
    assert.deepEqual(await audit(pinned.series), []);
    assert.deepEqual(await audit(await tampered(pinned, {})), []);
  }
});
