import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FindGaps, GapLook, HealContext } from "../../lib/heal/context.ts";
import { exhaustedFindings } from "../../lib/heal/findings.ts";
import { lookForGaps } from "../../lib/heal/look.ts";
import { healOnce, planHeal, type HealPass } from "../../lib/heal/pass.ts";
import { healPolicy } from "../../lib/heal/policy.ts";
import { settleQueued } from "../../lib/heal/queued-tries.ts";
import { gapKey } from "../../lib/heal/repairs.ts";
import { readDigest } from "../../lib/datasets/range/digests.ts";
import { planRebuilds } from "../../lib/datasets/range/rebuild-plan.ts";
import { verifyStored } from "../../lib/datasets/range/verify.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { parseDay, type Day } from "../../lib/model/day.ts";
import { parseSegmentId } from "../../lib/model/segments.ts";
import { seriesId, unitId, type SeriesId } from "../../lib/model/series.ts";
import {
  holesOf,
  pinPublished,
  planUndo,
  pointerHistory,
  readRepairs,
  undoRebuild,
  type PinnedSegment,
} from "../../lib/store/index.ts";
import type { GapCause, GapKind } from "../../lib/watch/gap.ts";
import { findGaps } from "../../lib/watch/find-gaps.ts";
import { recordLook } from "../../lib/watch/record-look.ts";
import { unitsSeenInBars } from "../../lib/watch/seen-in-bars.ts";
import { Bed } from "../inject/bed.ts";
import { Scene, type BuildRange, type Harm, type SceneSize } from "../inject/scene.ts";
import { linesOf, type TradeFields } from "../rig/make-archive.ts";
import { SetClock } from "./set-clock.ts";

/** January's last day, all of February, March's first: three units. */
const long = { firstDay: "2024-01-31", days: 31 } as const;
/** Two days of January, four of February. */
const short = { firstDay: "2024-01-30", days: 6 } as const;
const never = new AbortController().signal;

let bed: Bed;
let whole: Scene;
let wholeDigest: bigint;
let shortDigest: bigint;

before(async () => {
  bed = await Bed.open();
  whole = await built(long);
  wholeDigest = await whole.digest();
  shortDigest = await (await built(short)).digest();
});
after(async () => bed[Symbol.asyncDispose]());

async function built(size: SceneSize, range?: BuildRange): Promise<Scene> {
  const scene = new Scene(bed, size);
  assert.deepEqual(await scene.build(range), []);
  return scene;
}

function contextOf(scene: Scene, signal = never, lines: string[] = [], ledger = bed.ledger): HealContext {
  const { store } = bed;
  const { settings, registry } = scene;
  const look = { store, ledger, registry, env: {}, settings };
  return {
    ...look,
    signal,
    listener: { line: (text) => void lines.push(text), beat: () => undefined },
    findGaps: async (until, series): Promise<GapLook> =>
      lookForGaps(look, unitsSeenInBars(ledger), [scene.symbol], until, series),
  };
}

async function look(scene: Scene): Promise<GapLook> {
  return contextOf(scene).findGaps(never);
}

async function heal(scene: Scene, historicalMax = 9): Promise<HealPass> {
  return healOnce({ historicalMax, budget: never }, contextOf(scene));
}

const unitOf = (scene: Scene, segment: string): string => unitId(scene.series, segment);

/** One way in which a series is not as it should be, and what heals it. */
interface Case {
  readonly what: string;
  readonly make: () => Promise<Scene>;
  readonly gap: readonly [kind: GapKind, cause: GapCause, segment: string];
  readonly action: "populate" | "rebuild";
}

const copied = (harm: Harm) => async (): Promise<Scene> => whole.copy(harm);

/** Nothing of a unit is there. */
function lost(segment: string): Harm {
  const gone = { without: `segment = '${segment}'` };
  return { bars: gone, coverage: gone, builds: gone, pointer: gone };
}

/** The coverage of February is gone, and with it its bars from all who read. */
const uncovered: Harm = { coverage: { without: "segment = '2024-02'" } };

/** Two days were a declared hole when the unit was built, and are published by now. */
async function declared(thresholds: readonly number[] = [20]): Promise<Scene> {
  const scene = new Scene(bed, short);
  const days = [scene.day(3), scene.day(4)];
  for (const day of days) scene.unpublish(day);
  scene.registry = scene.registryWith(
    `known_gaps = [{ start_date = ${days[0]}, end_date = ${days[1]}, reason = "a test" }]`,
  );
  assert.deepEqual(await scene.build({ thresholds }), []);
  for (const day of days) scene.publish(day);
  scene.registry = scene.registryWith("");
  return scene;
}

/** A day's archive was replaced by one of other bytes that say the same. */
async function replaced(): Promise<Scene> {
  const scene = await whole.copy();
  const day = scene.day(30);
  scene.archive.putLines(
    day,
    linesOf(scene.tradesOf(day)).map((line) => line.replace(/True$/, "False")),
  );
  return scene;
}

const cases: readonly Case[] = [
  {
    what: "trailing: the last days were not built",
    make: async () => built(short, { to: parseDay("2024-02-02") }),
    gap: ["trailing", "not-built", "2024-02"],
    action: "populate",
  },
  {
    what: "leading: the first unit is not there",
    make: copied(lost("2024-01")),
    gap: ["leading", "not-built", "2024-01"],
    action: "populate",
  },
  {
    what: "leading: the first unit begins too late",
    make: async () => built(short, { from: parseDay("2024-01-31") }),
    gap: ["leading", "not-built", "2024-01"],
    action: "rebuild",
  },
  {
    what: "interior: a whole unit is not there",
    make: copied(lost("2024-02")),
    gap: ["interior", "not-built", "2024-02"],
    action: "populate",
  },
  {
    what: "interior: nothing is covered of a unit that another bar version made",
    make: copied({
      ...uncovered,
      builds: { set: { bar_version: "if(segment = '2024-02', 0, bar_version)" } },
    }),
    gap: ["interior", "not-built", "2024-02"],
    action: "populate",
  },
  {
    what: "interior: nothing is covered of a unit, and what made it is not on record",
    make: copied({ ...uncovered, builds: { without: "segment = '2024-02'" } }),
    gap: ["interior", "not-built", "2024-02"],
    action: "populate",
  },
  {
    what: "interior: days inside a unit that are published by now",
    make: async () => declared(),
    gap: ["interior", "not-built", "2024-02"],
    action: "rebuild",
  },
  {
    what: "interior: coverage of a day is gone",
    make: copied({ coverage: { without: "day = '2024-02-10'" } }),
    gap: ["interior", "not-built", "2024-02"],
    action: "rebuild",
  },
  {
    what: "interior: bars are gone under their coverage",
    make: copied({ bars: { without: "segment = '2024-02' AND first_agg_trade_id < 1100" } }),
    gap: ["interior", "bars-lost", "2024-02"],
    action: "rebuild",
  },
  {
    what: "overlap: coverage of a day is there twice",
    make: copied({ coverage: { twice: "day = '2024-02-10'" } }),
    gap: ["overlap", "doubled", "2024-02"],
    action: "rebuild",
  },
  {
    what: "stale: another bar version made it",
    make: copied({ builds: { set: { bar_version: "if(segment = '2024-02', 0, bar_version)" } } }),
    gap: ["stale", "other-version", "2024-02"],
    action: "rebuild",
  },
  {
    what: "stale: what made it is not on record",
    make: copied({ builds: { without: "segment = '2024-02'" } }),
    gap: ["stale", "other-version", "2024-02"],
    action: "rebuild",
  },
  {
    what: "revised: an archive was replaced since",
    make: replaced,
    gap: ["revised", "archive-revised", "2024-03"],
    action: "rebuild",
  },
];

for (const {
  what,
  make,
  gap: [kind, cause, segment],
  action,
} of cases) {
  test(`healed, ${what}`, async () => {
    const scene = await make();
    const { gaps } = await look(scene);
    const seen = gaps.map((gap) => [gap.kind, gap.cause, gap.unit]);
    assert.ok(
      seen.some((one) => one.join() === [kind, cause, unitOf(scene, segment)].join()),
      seen.join("; "),
    );
    const outlook = await planHeal({ historicalMax: 9 }, contextOf(scene));
    assert.deepEqual(
      outlook.repairs.map((repair) => repair.action),
      [action],
    );

    const pass = await heal(scene);
    assert.deepEqual([pass.exitCode, pass.left, pass.repairs.length], [0, [], 1]);
    assert.equal(await scene.digest(), scene.days.length === whole.days.length ? wholeDigest : shortDigest);
    assert.deepEqual((await look(scene)).gaps, []);

    const rows = await readRepairs(bed.store, 9, scene.series);
    assert.deepEqual(
      rows.map((row) => [row.result, row.action, row.try_number]),
      gaps.map(() => ["healed", action, 1]),
    );
    const [row] = rows;
    assert.ok(row !== undefined && row.digest_after !== 0n && row.build_after >= row.build_before);
    assert.deepEqual((await heal(scene)).repairs, [], "nothing is done twice");
  });
}

test("the repair log says what was in the store before and behind a repair, and not what coverage claims", async () => {
  const real = await whole.copy();
  const wanted = (await readDigest(bed.store, await pinnedOf(real, "2024-02"))).bars;
  const scene = await whole.copy({ bars: { without: "segment = '2024-02' AND first_agg_trade_id < 1100" } });
  const harmed = await readDigest(bed.store, await pinnedOf(scene, "2024-02"));
  assert.ok(harmed.bars < wanted);
  await heal(scene);
  const [row] = await readRepairs(bed.store, 1, scene.series);
  assert.deepEqual([row?.bars_before, row?.digest_before], [harmed.bars, harmed.stored]);
  const healed = await readDigest(bed.store, await pinnedOf(scene, "2024-02"));
  assert.deepEqual([row?.bars_after, row?.digest_after], [wanted, healed.stored]);
  assert.equal(healed.stored, healed.committed);
  assert.notEqual(row?.digest_before, row?.digest_after);
});

async function pinnedOf(scene: Scene, segment: string): Promise<PinnedSegment> {
  const found = (await pinPublished(bed.store, scene.series)).find((one) => one.segment === segment);
  assert.ok(found !== undefined);
  return found;
}

async function verified(scene: Scene): Promise<string[]> {
  const entry = scene.registry.symbols.get(scene.symbol);
  const { findings } = await verifyStored(bed.store, scene.series, entry, { signal: never });
  return findings.map(({ code }) => code);
}

test("a unit that is lost, and begun again from an earlier day than it was first, is on record with that day", async () => {
  const late = await built(short, { from: parseDay("2024-01-31") });
  const gone = { without: "segment = '2024-01'" };
  const scene = await late.copy({ bars: gone, coverage: gone });
  const pass = await heal(scene);
  assert.deepEqual([pass.exitCode, pass.left], [0, []]);
  assert.equal(await scene.digest(), shortDigest);
  assert.deepEqual(await verified(scene), []);
  const again = await scene.copy({ builds: { set: { bar_version: "0" } } });
  assert.equal((await heal(again)).exitCode, 0, "it can be made anew");
});

test("a unit whose record says a later first day than its coverage, or that has none, is planned from its coverage's", async () => {
  const scene = await whole.copy({
    builds: {
      set: { first_day: "if(segment = '2024-02', toDate('2024-02-10'), first_day)" },
      without: "segment = '2024-03'",
    },
  });
  const { settings, registry } = scene;
  const plan = async (reason?: string): Promise<[string, Day, string][]> => {
    const request = { targets: [scene.series], reason, startAsked: undefined };
    const { rebuilds } = await planRebuilds(bed.store, request, settings, registry, never);
    return rebuilds.map(({ published, firstDay, reason: why }) => [published.segment, firstDay, why]);
  };
  assert.deepEqual(await plan("a test"), [
    ["2024-01", "2024-01-31", "a test"],
    ["2024-02", "2024-02-01", "a test"],
    ["2024-03", "2024-03-01", "a test"],
  ]);
  assert.deepEqual(await plan(), [["2024-03", "2024-03-01", "what made it is not on record"]]);
});

/** A row of nobody in the place of a bar that is gone: as many as were committed. */
const replacedBar: Harm = {
  bars: {
    without: "segment = '2024-02' AND first_agg_trade_id < 1100",
    twice: "segment = '2024-02' AND first_agg_trade_id >= 1100 AND first_agg_trade_id < 1200",
  },
};

for (const [what, harm] of [
  ["a bar is there twice", { bars: { twice: "segment = '2024-02' AND first_agg_trade_id < 1100" } }],
  ["bars are gone, and others in their place", replacedBar],
] as const satisfies readonly (readonly [string, Harm])[]) {
  test(`what bars alone show is healed once a look at them has found it: ${what}`, async () => {
    const scene = await whole.copy(harm);
    assert.deepEqual((await look(scene)).gaps, [], "coverage does not show it");
    const { store, ledger } = bed;
    const selection = { symbols: [scene.symbol], thresholds: [], tier1Only: false };
    const of = { store, ledger, registry: scene.registry, env: {}, settings: scene.settings, selection };
    const { findings } = await findGaps({ ...of, limits: { exhaustive: true }, nowMs: scene.nowMs, signal: never });
    recordLook(ledger, { source: "detect-gaps", findings, examined: [] });

    const pass = await heal(scene);
    assert.deepEqual([pass.exitCode, pass.left, pass.repairs.length], [0, [], 1]);
    assert.equal(await scene.digest(), wholeDigest);
    assert.deepEqual((await heal(scene)).repairs, [], "nothing is done twice");
  });
}

test("P0 before P1 before P2, and no more of history than is asked for", async () => {
  const scene = await whole.copy({
    coverage: { without: "day IN ('2024-01-31', '2024-02-10', '2024-03-01')" },
  });
  // The clock stands where the last day is the live edge, and February is history.
  const lines: string[] = [];
  const clock = new SetClock(scene.nowMs);
  using ledger = openLedger(bed.state, { clock });
  const context = { ...contextOf(scene, never, lines, ledger) };
  const outlook = await planHeal({ historicalMax: 9 }, context);
  assert.deepEqual(
    outlook.repairs.map(({ priority, segment }) => [priority, segment]),
    [
      ["P0", "2024-03"],
      ["P2", "2024-01"],
      ["P2", "2024-02"],
    ],
  );
  const first = await healOnce({ historicalMax: 1, budget: never }, context);
  assert.deepEqual(
    first.repairs.map(({ repair }) => [repair.priority, repair.segment]),
    [
      ["P0", "2024-03"],
      ["P2", "2024-01"],
    ],
  );
  assert.equal(first.exitCode, 1);
  assert.deepEqual(
    first.left.map(({ gap, reason }) => [gap.unit, reason]),
    [[unitOf(scene, "2024-02"), "budget"]],
  );
  const over = AbortSignal.abort();
  assert.deepEqual((await healOnce({ historicalMax: 9, budget: over }, context)).repairs, []);
  const second = await healOnce({ historicalMax: 1, budget: never }, context);
  assert.deepEqual([second.exitCode, second.repairs.length], [0, 1]);
  assert.equal(await scene.digest(), wholeDigest);
});

test("a gap that cannot be closed is tried three times in 24 hours, then said to be exhausted; a replay tries it again", async () => {
  const scene = await built(short, { to: parseDay("2024-02-02") });
  const torn = parseDay("2024-02-03");
  scene.archive.putZip(torn, Buffer.from("this is no zip"));
  const clock = new SetClock(Date.now());
  using ledger = openLedger(bed.state, { clock });
  const context = contextOf(scene, never, [], ledger);
  const pass = async (): Promise<HealPass> => healOnce({ historicalMax: 9, budget: never }, context);
  for (const [number, wait] of [10, 20, 40].entries()) {
    const tried = await pass();
    assert.deepEqual(
      tried.repairs.map(({ gaps }) => gaps.map(({ result }) => result)),
      [["failed"]],
    );
    assert.equal(tried.exitCode, 1);
    assert.match(tried.left[0]?.text ?? "", /ZIP_CORRUPT/);
    const early = await pass();
    assert.deepEqual([early.repairs, early.left[0]?.reason], [[], number === 2 ? "exhausted" : "waits"]);
    clock.nowMs += wait * 60_000;
  }
  const [gap] = (await look(scene)).gaps;
  assert.ok(gap !== undefined);
  const [finding] = exhaustedFindings([gap], ledger.healTries.byGap(), clock.nowMs, healPolicy);
  assert.equal(finding?.subject, gap.unit);

  scene.publish(torn);
  assert.deepEqual((await pass()).repairs, []);
  ledger.healTries.replay([gapKey(gap)]);
  assert.equal((await pass()).exitCode, 0);
  assert.equal(await scene.digest(), shortDigest);
  const rows = await readRepairs(bed.store, 9, scene.series);
  assert.deepEqual(
    rows.map((row) => [row.result, row.code, row.try_number]),
    [
      ["failed", "ZIP_CORRUPT", 1],
      ["failed", "ZIP_CORRUPT", 2],
      ["failed", "ZIP_CORRUPT", 3],
      ["healed", "", 1],
    ],
  );
});

test("a unit that cannot be gone on with is made anew, and then gone on with", async () => {
  const scene = await built(short, { to: parseDay("2024-02-02") });
  const damaged = await scene.copy({ coverage: { set: { checkpoint: "if(checkpoint = '', '', 'AAAA')" } } });
  for (const at of [4, 5]) damaged.publish(damaged.day(at));
  const pass = await heal(damaged);
  assert.deepEqual([pass.exitCode, pass.left], [0, []]);
  assert.equal(await damaged.digest(), shortDigest);
});

test("what a person has undone is not done again; what another process writes is left to it", async () => {
  const scene = await declared();
  const [found] = (await look(scene)).gaps;
  const key = { series: scene.series, segment: parseSegmentId("2024-02") };
  await heal(scene);
  await undoRebuild(bed.store, await planUndo(bed.store, { ...key, build: 2 }));
  const held = await heal(scene);
  assert.deepEqual([held.repairs, held.left.map(({ reason }) => reason), held.exitCode], [[], ["held"], 1]);
  assert.equal(held.left[0]?.gap.unit, found?.unit);

  const busy = await built(short, { to: parseDay("2024-02-02") });
  const holder = { host: "elsewhere", pid: 7, process_start: "x", command: "barkeep populate" };
  await bed.store.insertRows("barkeep.leases", [
    { series: busy.series, segment: "2024-02", build: 1, attempt: "18446744073709551", event: "taken", ...holder },
  ]);
  const passed = await heal(busy);
  assert.deepEqual(
    passed.repairs.map(({ gaps }) => gaps.map(({ result }) => result)),
    [["elsewhere"]],
  );
  assert.match(passed.left[0]?.text ?? "", /LEASE_HELD/);
});

test("a dry run leaves out of a repair what is held, and says so", async () => {
  const scene = await declared([20, 40]);
  const held = { series: scene.series, segment: "2024-02", build: 1, seq: 2, reason: "a test", held: true };
  await bed.store.insertRows("barkeep.pointer (series, segment, build, seq, reason, held)", [held]);
  const { repairs, left } = await planHeal({ historicalMax: 9 }, contextOf(scene));
  const free = seriesId(scene.keyAt(40));
  const unit = unitId(free, "2024-02");
  assert.deepEqual(
    repairs.map(({ series, units, gaps }) => [series, units, gaps.map((gap) => gap.unit)]),
    [[[free], [unit], [unit]]],
  );
  assert.deepEqual(
    left.map(({ gap, reason }) => [gap.unit, reason]),
    [[unitOf(scene, "2024-02"), "held"]],
  );
});

/** Which build of a unit readers see. */
async function publishedBuild(series: SeriesId, segment: string): Promise<number | undefined> {
  return (await pointerHistory(bed.store, series, parseSegmentId(segment)))[0]?.build;
}

/** Nothing can be put behind what is built of a series so far. */
async function damageCheckpoints(series: SeriesId): Promise<void> {
  await bed.store.command(`ALTER TABLE barkeep.coverage UPDATE checkpoint = 'AAAA'
WHERE series = '${series}' AND segment = '2024-02' AND checkpoint != '' SETTINGS mutations_sync = 1`);
}

for (const [what, harm] of [
  ["of another version", { builds: { set: { bar_version: "if(segment = '2024-02', 0, bar_version)" } } }],
  ["whose checkpoint is damaged", { coverage: { set: { checkpoint: "if(checkpoint = '', '', 'AAAA')" } } }],
] as const satisfies readonly (readonly [string, Harm])[]) {
  test(`an undo is not undone by a new day: a unit ${what} is left as held, its neighbours get the day`, async () => {
    const scene = await (await built(short, { to: parseDay("2024-02-02") })).copy(harm);
    scene.unpublish(scene.lastDay);
    const other = seriesId(scene.keyAt(40));
    assert.deepEqual(await scene.build({ thresholds: [40], to: parseDay("2024-02-02") }), []);
    await heal(scene);
    const segment = parseSegmentId("2024-02");
    await undoRebuild(bed.store, await planUndo(bed.store, { series: scene.series, segment, build: 2 }));
    scene.publish(scene.lastDay);

    const pass = await heal(scene);
    assert.equal(await publishedBuild(scene.series, "2024-02"), 1);
    assert.deepEqual(
      pass.left.map(({ gap, reason }) => [gap.unit, reason]),
      [[unitOf(scene, "2024-02"), "held"]],
    );
    assert.match(pass.left[0]?.text ?? "", /barkeep rebuild T\d+USDT@20:2024-02 --reason TEXT/);
    assert.equal(pass.exitCode, 1);
    const [, end] = await pinPublished(bed.store, other);
    assert.equal(end?.parts.at(-1)?.day, scene.lastDay);
    await heal(scene);
    assert.equal(await publishedBuild(scene.series, "2024-02"), 1);
  });
}

test("a unit that an undo holds, and of which nothing is covered any more, waits for a person's populate, which is named", async () => {
  const scene = await (
    await built(short)
  ).copy({
    coverage: { without: "segment = '2024-02'" },
    builds: { set: { bar_version: "if(segment = '2024-02', 0, bar_version)" } },
    pointer: { set: { held: "segment = '2024-02'" } },
  });
  const pass = await heal(scene);
  assert.deepEqual([pass.repairs, pass.left.map(({ reason }) => reason), pass.exitCode], [[], ["held"], 1]);
  const typed = `barkeep populate --symbol ${scene.symbol} --threshold 20 --segment month`;
  assert.deepEqual([pass.left[0]?.text, pass.left[0]?.fix], [`an undo holds it: ${typed}`, typed]);

  assert.deepEqual(await scene.build(), []);
  assert.equal(await scene.digest(), shortDigest);
  assert.equal(await publishedBuild(scene.series, "2024-02"), 2);
  assert.deepEqual((await heal(scene)).left, []);
});

test("each unit that cannot be gone on with is made anew, and what keeps one from its days keeps no other", async () => {
  const end = parseDay("2024-02-02");
  const scene = await built(short, { to: end });
  assert.deepEqual(await scene.build({ thresholds: [30, 40, 50], to: end }), []);
  const [second, third, fourth] = [30, 40, 50].map((one) => seriesId(scene.keyAt(one)));
  assert.ok(second !== undefined && third !== undefined && fourth !== undefined);
  for (const damaged of [scene.series, third]) await damageCheckpoints(damaged);
  const holder = { host: "elsewhere", pid: 7, process_start: "x", command: "barkeep populate" };
  await bed.store.insertRows("barkeep.leases", [
    { series: second, segment: "2024-02", build: 1, attempt: "18446744073709551", event: "taken", ...holder },
  ]);

  const pass = await heal(scene);
  assert.deepEqual(
    pass.repairs.map(({ gaps }) => gaps.map(({ gap, result, failure }) => [gap.series, result, failure?.code])),
    [
      [
        [scene.series, "healed", undefined],
        [second, "elsewhere", "LEASE_HELD"],
        [third, "healed", undefined],
        [fourth, "healed", undefined],
      ],
    ],
  );
  const builds = [scene.series, second, third, fourth].map(async (one) => publishedBuild(one, "2024-02"));
  assert.deepEqual(await Promise.all(builds), [2, 1, 2, 1]);
});

test("an archive that cannot be looked at is exit 2, and nothing is touched", async () => {
  const scene = await built(short, { to: parseDay("2024-02-02") });
  scene.location = scene.nowhere;
  const pass = await heal(scene);
  assert.deepEqual([pass.exitCode, pass.repairs], [2, []]);
  assert.ok(pass.unknown.length > 0 || pass.left.some(({ reason }) => reason === "unknown"));
  const outlook = await planHeal({ historicalMax: 9 }, contextOf(scene));
  assert.equal(outlook.exitCode, 2);
});

test("a pass that could not look afterwards is exit 2, however well it repaired", async () => {
  const scene = await built(short, { to: parseDay("2024-02-02") });
  const context = contextOf(scene);
  const seeing = scene.location;
  let looks = 0;
  const findGaps: FindGaps = async (...asked) => {
    looks += 1;
    // Of the whole, of the repair's series before it, and of those behind it.
    scene.location = looks === 3 ? scene.nowhere : seeing;
    return contextOf(scene).findGaps(...asked);
  };
  const pass = await healOnce({ historicalMax: 9, budget: never }, { ...context, findGaps });
  assert.deepEqual(
    [pass.exitCode, pass.unknown.map(({ kind }) => kind)],
    [2, ["archive-unreachable"]],
    "the archive was away when it was looked whether that helped",
  );
  scene.location = seeing;
  assert.equal((await heal(scene)).exitCode, 0);
});

test("an archive that is away for one symbol keeps no try at another's from being ended", async () => {
  const [dark, other] = [await whole.copy(), await whole.copy()];
  const { healTries } = bed.ledger;
  const keys = [dark, other].map((scene) => `trailing ${unitOf(scene, "2024-03")} 2024-03-01`);
  for (const [i, scene] of [dark, other].entries()) {
    const [id = 0n] = healTries.start([{ gap: keys[i] ?? "", unit: unitOf(scene, "2024-03") }]);
    healTries.end(id, "queued");
  }
  const context = contextOf(dark);
  const symbols = new Map([...dark.registry.symbols, ...other.registry.symbols]);
  const findGaps: FindGaps = async (_signal, series = []) => ({
    looked: new Set(series),
    gaps: [],
    unknown: series.includes(dark.series)
      ? [{ kind: "archive-unreachable", subject: "archive:spot", verdict: "unknown", summary: "away", evidence: {} }]
      : [],
  });
  await settleQueued(new Set(), { ...context, registry: { ...context.registry, symbols }, findGaps });
  assert.deepEqual(
    keys.map((key) => healTries.byGap().get(key)?.at(-1)?.result),
    ["queued", "healed"],
  );
});

const seesNothing: FindGaps = async () => ({ looked: new Set(), gaps: [], unknown: [] });

test("a queued try of a series that is not kept any more, or was not looked at, is not called healed", async () => {
  const scene = await declared();
  const unit = unitOf(scene, "2024-02");
  const gap = `leading ${unit} 2024-02-01`;
  const { healTries } = bed.ledger;
  const [id = 0n] = healTries.start([{ gap, unit }]);
  healTries.end(id, "queued");
  const settled = async (context: HealContext): Promise<unknown> => {
    await settleQueued(new Set(), context);
    return healTries.byGap().get(gap)?.at(-1)?.result;
  };
  const kept = scene.registry;
  const entry = kept.symbols.get(scene.symbol);
  assert.ok(entry !== undefined);
  scene.registry = { ...kept, symbols: new Map([[scene.symbol, { ...entry, minThreshold: 250 }]]) };
  assert.equal(await settled(contextOf(scene)), "queued");
  scene.registry = kept;
  assert.equal(await settled({ ...contextOf(scene), findGaps: seesNothing }), "queued");
  assert.equal(await settled(contextOf(scene)), "healed", "no such gap is found where it is looked for");
});

test("ranges of one unit that are there twice are one trouble: a pass at all of them is one try", async () => {
  const twice = [1100, 1130, 1160].map((id) => `first_agg_trade_id <= ${id} AND last_agg_trade_id >= ${id}`);
  const scene = await whole.copy({ bars: { twice: `segment = '2024-02' AND (${twice.join(" OR ")})` } });
  const { store, ledger } = bed;
  const selection = { symbols: [scene.symbol], thresholds: [], tier1Only: false };
  const of = { store, ledger, registry: scene.registry, env: {}, settings: scene.settings, selection };
  const { findings } = await findGaps({ ...of, limits: { exhaustive: true }, nowMs: scene.nowMs, signal: never });
  recordLook(ledger, { source: "detect-gaps", findings, examined: [] });
  const { gaps } = await look(scene);
  assert.equal(gaps.length, 3, "three ranges are found");
  const pass = await heal(scene);
  assert.deepEqual([pass.exitCode, pass.repairs.length], [0, 1]);
  const tries = [...ledger.healTries.byGap()].filter(([, [first]]) => first?.unit === unitOf(scene, "2024-02"));
  assert.deepEqual(
    tries.map(([key, all]) => [key, all.length]),
    [[`overlap ${unitOf(scene, "2024-02")} bars`, 1]],
  );
});

/** Ten hours of a day's trades are missing. */
function lacking(trades: TradeFields[]): TradeFields[] {
  return trades.filter((_, i) => i < 3 || i >= 8);
}

test("S-23 an interior hole of 10 hours in history: left while the archive lacks it, healed when it has it, no overlap", async () => {
  const day = parseDay("2024-02-01");
  const scene = new Scene(bed, { ...short, change: (one, trades) => (one === day ? lacking(trades) : trades) });
  assert.deepEqual(
    (await scene.build()).map(({ code }) => code),
    ["ID_HOLE"],
  );
  const before = await heal(scene);
  assert.deepEqual(
    before.left.map(({ gap, reason }) => [gap.kind, gap.priority, reason]),
    [["interior", "P2", "upstream"]],
  );
  assert.deepEqual([before.repairs, before.exitCode], [[], 1]);
  scene.publish(day);
  const pass = await heal(scene);
  assert.deepEqual([pass.exitCode, pass.left], [0, []]);
  assert.equal(await scene.digest(), shortDigest);
  const parts = (await pinPublished(bed.store, scene.series)).flatMap((pinned) => pinned.parts);
  assert.deepEqual(holesOf(parts), []);
});
