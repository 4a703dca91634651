import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { currentFingerprint } from "../../lib/datasets/range/fingerprint.ts";
import type { Day } from "../../lib/model/day.ts";
import { Failure } from "../../lib/model/errors.ts";
import { seriesId, type RangeSeries, type SeriesId } from "../../lib/model/series.ts";
import type { DayFile } from "../../lib/sources/archive/types.ts";
import { buildsOf, pointerHistory, recordBuild, type BuildFingerprint } from "../../lib/store/builds.ts";
import type { Clients } from "../../lib/store/clients.ts";
import { fixedRoute } from "../../lib/store/route.ts";
import { pinBuild } from "../../lib/store/snapshot.ts";
import { openEmbedded, type Store } from "../../lib/store/store.ts";
import { refuseIfSuperseded } from "../../lib/store/superseded.ts";
import { planUndo } from "../../lib/store/undo.ts";
import { openUnit, type UnitRequest } from "../../lib/store/units.ts";
import { temporaryFolder } from "../ops/run.ts";
import { GatedStore } from "./gated-store.ts";
import { buildWeek, openWeek, readBars, seriesAt, week, weekDays, weekFiles } from "./week.ts";

const ours = currentFingerprint("week");
const older: BuildFingerprint = { ...ours, barVersion: 0 };
let store: Store;
let clients: Clients;
let files: ReadonlyMap<Day, DayFile>;
/** The bars of a clean run. */
let clean: readonly string[];
let venues = 0;

before(async () => {
  store = await openEmbedded(join(temporaryFolder("empty-build"), "state"));
  clients = await GatedStore.clientsOf(store);
  files = weekFiles();
  const one = seriesAt("clean", 10);
  await buildWeek(store, files, [one], 99);
  clean = await barsOf(one);
});
after(async () => {
  await Promise.all([clients.writer.close(), clients.reader.close()]);
  await store.close();
});

/** What readers see, in id order. */
async function barsOf(one: RangeSeries): Promise<string[]> {
  const bars = (await readBars(store, "bars_published", [one])).get(seriesId(one)) ?? [];
  return bars.map(({ last_id: id, reason, cells }) => `${id} ${reason} ${cells}`);
}

/** A series of which build 1 is published and nothing is covered; another version made it, or it is not on record what did. */
async function emptyBuild(made: BuildFingerprint | "lost" = older): Promise<RangeSeries> {
  venues += 1;
  const one = seriesAt(`v${venues}`, 10);
  const key = { series: seriesId(one), segment: week.id, build: 1 };
  if (made !== "lost") await recordBuild(store, key, made, week.firstDay, "first build");
  const row = { ...key, seq: 1, reason: "first build" };
  await store.insertRows("barkeep.pointer (series, segment, build, seq, reason)", [row]);
  return one;
}

function requestOf(one: RangeSeries, fingerprint: BuildFingerprint = ours): UnitRequest {
  return { series: seriesId(one), segment: week.id, fingerprint, firstDay: week.firstDay };
}

async function publishedBuilds(series: SeriesId): Promise<number[]> {
  return (await pointerHistory(store, series, week.id)).map(({ build }) => build);
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code;
}

for (const [what, made, reason] of [
  ["that another version made", older, /^nothing of build 1 is covered, and another version or profile/],
  ["of which nothing is on record", "lost", /^nothing of build 1 is covered, and what made it is not on record$/],
] as const) {
  test(`a published build ${what}, and of which nothing is covered, makes room for the next one`, async () => {
    const one = await emptyBuild(made);
    const series = seriesId(one);
    await buildWeek(store, files, [one], 2);
    assert.deepEqual(await barsOf(one), clean);
    const [published, before] = await pointerHistory(store, series, week.id);
    assert.deepEqual([published?.build, published?.held, before?.build], [2, false, 1]);
    assert.match(published?.reason ?? "", reason);
    const record = (await buildsOf(store, series)).find(({ build }) => build === 2);
    assert.deepEqual([record?.barVersion, record?.firstDay], [ours.barVersion, week.firstDay]);
    assert.match(record?.reason ?? "", reason);
    await assert.rejects(planUndo(store, { series, segment: week.id, build: 2 }), (error) => {
      assert.ok(error instanceof Failure);
      assert.match(error.message, /^nothing of .*#1 is covered$/);
      return error.code === "UNDO_EXPIRED";
    });
  });
}

test("one of which something is covered is refused as before, and nothing changes", async () => {
  const one = await emptyBuild(ours);
  await buildWeek(store, files, [one], 2, weekDays[1]);
  const seen = await barsOf(one);
  assert.ok(seen.length > 0);
  await assert.rejects(openUnit(store, requestOf(one, older)), hasCode("BUILD_DIFFERS"));
  assert.deepEqual([await publishedBuilds(seriesId(one)), await barsOf(one)], [[1], seen]);
});

test("one that another process is about to write is left to it", async () => {
  const one = await emptyBuild();
  const holder = { host: "elsewhere", pid: 7, process_start: "x", command: "barkeep populate" };
  const lease = { series: seriesId(one), segment: week.id, build: 1, attempt: "7", event: "taken" };
  await store.insertRows("barkeep.leases", [{ ...lease, ...holder }]);
  await assert.rejects(openUnit(store, requestOf(one)), hasCode("LEASE_HELD"));
  assert.deepEqual(await publishedBuilds(seriesId(one)), [1]);
});

test("who opened such a build before, and was stopped, is told that it was overtaken when it wakes up", async () => {
  const one = await emptyBuild();
  const stopped = await openUnit(store, requestOf(one, older));
  await buildWeek(store, files, [one], 99);
  await assert.rejects(refuseIfSuperseded(store, [stopped]), hasCode("SUPERSEDED"));
  assert.deepEqual(await publishedBuilds(seriesId(one)), [2, 1]);
});

test("the number is one that nothing is known of: neither a record, nor coverage, nor a pointer's row", async () => {
  const one = await emptyBuild();
  const key = { series: seriesId(one), segment: week.id };
  await recordBuild(store, { ...key, build: 2 }, ours, week.firstDay, "a rebuild that was not published");
  await store.insertRows("barkeep.coverage", [
    { ...key, build: 4, attempt: "1", part: 0, day: week.firstDay, from_id: "1", through_id: "5" },
  ]);
  await buildWeek(store, files, [one], 99);
  assert.deepEqual(await publishedBuilds(key.series), [5, 1]);
  assert.deepEqual(await barsOf(one), clean);
  assert.equal((await pinBuild(store, key.series, key.segment, 4))?.parts.length, 1);
});

/** Steps that opening takes, and a few behind. */
const stepsMost = 30;

test("killed at any step: the next one goes on, and who wakes up behind it changes nothing", async () => {
  let isThrough = false;
  for (let steps = 0; !isThrough; steps += 1) {
    assert.ok(steps < stepsMost, "opening has no end");
    const one = await emptyBuild();
    const gated = new GatedStore("killed", fixedRoute(clients));
    const ended = openUnit(gated, requestOf(one)).then(
      () => "opened",
      (error: unknown) => (error instanceof Failure ? error.code : String(error)),
    );
    for (let step = 0; step <= steps; step += 1) await gated.step(ended);
    isThrough = gated.next === undefined;
    const where = `killed before ${gated.next ?? "the end"}, step ${steps}`;
    await buildWeek(store, files, [one], 99);
    assert.deepEqual(await barsOf(one), clean, where);
    const builds = await publishedBuilds(seriesId(one));
    while (gated.next !== undefined) await gated.step(ended);
    assert.match(await ended, /^(opened|SUPERSEDED)$/, where);
    assert.deepEqual(await barsOf(one), clean, `${where}, woken`);
    assert.equal((await publishedBuilds(seriesId(one)))[0], builds[0], where);
  }
});

test("two that have both looked before either publishes: what the one commits is not hidden by the other's late row", async () => {
  const one = await emptyBuild();
  const openers = [0, 1].map((number) => {
    const gated = new GatedStore(`opener ${number}`, fixedRoute(clients));
    const job = openWeek(gated, [one]);
    return { gated, job };
  });
  for (const { gated, job } of openers) {
    while (gated.next?.startsWith("insert barkeep.pointer") !== true) await gated.step(job);
  }
  const [first, second] = openers;
  assert.ok(first !== undefined && second !== undefined);
  while (first.gated.next !== undefined) await first.gated.step(first.job);
  await first.job;
  await buildWeek(store, files, [one], 99);
  assert.deepEqual(await barsOf(one), clean);
  while (second.gated.next !== undefined) await second.gated.step(second.job);
  await second.job;
  assert.deepEqual(await barsOf(one), clean, "the later right is published last");
});
