import { addDays, daysInclusive, type Day } from "../../lib/model/day.ts";
import type { Finding } from "../../lib/watch/finding.ts";
import { seenInBars } from "../../lib/watch/findings.ts";
import type { Gap } from "../../lib/watch/gap.ts";
import type { WatchLimits } from "../../lib/watch/limits.ts";
import type { Random } from "../crash/random.ts";
import type { TradeFields } from "../rig/make-archive.ts";
import type { Bed } from "./bed.ts";
import { Scene, type Harm, type StoredBar } from "./scene.ts";

/** A gap as it was made; ids where the gap has some. */
export type InjectedGap = Pick<Gap, "kind" | "cause" | "fromDay" | "throughDay" | "unit"> &
  Partial<Pick<Gap, "fromId" | "throughId" | "absence">>;

/** A finding as it must be named, but for its wording: the figures of its evidence say range and number. */
export type InjectedFinding = Omit<Finding, "summary">;

/** What was done to a scene, and so what a look has to say of it, and nothing else. */
export interface Injected {
  readonly scene: Scene;
  readonly gaps: readonly InjectedGap[];
  /** Findings beside those of the gaps, in any order. */
  readonly findings?: readonly InjectedFinding[];
  readonly limits?: Partial<WatchLimits>;
}

/** A kind of trouble that can be made again and again, at another place each time. */
export interface Injection {
  readonly name: string;
  inject(stock: Stock, random: Random): Promise<Injected>;
}

/** Scenes that are built once; what is harmed is a copy. */
export class Stock {
  readonly bed: Bed;
  #whole: Promise<Scene> | undefined;

  constructor(bed: Bed) {
    this.bed = bed;
  }

  /** 45 days of three months, 12 trades a day, built as a whole. */
  async whole(): Promise<Scene> {
    this.#whole ??= this.#build();
    return this.#whole;
  }

  async copy(harm?: Harm): Promise<Scene> {
    return (await this.whole()).copy(harm);
  }

  async #build(): Promise<Scene> {
    const scene = new Scene(this.bed);
    await scene.build();
    return scene;
  }
}

const exhaustive: Partial<WatchLimits> = { exhaustive: true };
const hourUs = 3_600_000_000n;
/** The place in a scene's days of 1 March and of 1 April. */
const [march, april] = [10, 41];

/** A day inside March, with `behind` more days of March behind it. */
function dayInMarch(scene: Scene, random: Random, behind = 0): Day {
  return scene.day(random.integer(march + 1, april - 2 - behind));
}

/** A completed bar inside March. */
async function barInMarch(scene: Scene, random: Random): Promise<StoredBar> {
  return random.pick(await barsInMarch(scene));
}

async function barsInMarch(scene: Scene): Promise<StoredBar[]> {
  return (await scene.bars()).filter((bar) => bar.segment === "2024-03" && !bar.orphan).slice(1, -1);
}

function daysSql(from: Day, to: Day): string {
  return `day BETWEEN '${from}' AND '${to}'`;
}

function unitGone(segment: string): Harm {
  const without = `segment = '${segment}'`;
  return { bars: { without }, coverage: { without }, builds: { without }, pointer: { without } };
}

/** Makes a gap of a scene's unit. */
function gap(
  scene: Scene,
  kind: Gap["kind"],
  cause: Gap["cause"],
  fromDay: Day,
  throughDay: Day,
  ids: Partial<Pick<Gap, "fromId" | "throughId">> = {},
): InjectedGap {
  return { kind, cause, fromDay, throughDay, unit: scene.unitOf(throughDay), ...ids };
}

async function harmed(stock: Stock, harm: Harm): Promise<Scene> {
  return stock.copy(harm);
}

export const injections: readonly Injection[] = [
  {
    name: "I-39 the series begins later than the registry and the archive do",
    inject: async ({ bed }, random) => {
      const scene = new Scene(bed);
      const begin = random.integer(1, march - 1);
      await scene.build({ from: scene.day(begin) });
      return { scene, gaps: [gap(scene, "leading", "not-built", scene.firstDay, scene.day(begin - 1))] };
    },
  },
  {
    name: "the first unit is gone altogether",
    inject: async (stock) => {
      const scene = await harmed(stock, unitGone("2024-02"));
      return { scene, gaps: [gap(scene, "leading", "not-built", scene.firstDay, scene.day(march - 1))] };
    },
  },
  {
    name: "I-39 a unit in the middle is gone altogether",
    inject: async (stock) => {
      const scene = await harmed(stock, unitGone("2024-03"));
      const [from, to] = [scene.day(march), scene.day(april - 1)];
      return { scene, gaps: [gap(scene, "interior", "not-built", from, to, scene.idsOf(from, to))] };
    },
  },
  {
    name: "I-01 days in the middle are not covered",
    inject: async (stock, random) => {
      const { from, to } = await someDays(stock, random);
      const scene = await harmed(stock, { coverage: { without: daysSql(from, to) } });
      return { scene, gaps: [gap(scene, "interior", "not-built", from, to, scene.idsOf(from, to))] };
    },
  },
  {
    name: "days were published since",
    inject: async (stock, random) => {
      const scene = await stock.copy();
      const more = random.integer(1, 2);
      for (let i = 1; i <= more; i += 1) scene.publish(addDays(scene.lastDay, i));
      scene.nowMs += more * 86_400_000;
      const [from, to] = [addDays(scene.lastDay, 1), addDays(scene.lastDay, more)];
      return { scene, gaps: [gap(scene, "trailing", "not-built", from, to)] };
    },
  },
  {
    name: "I-16 a part of coverage is there twice",
    inject: async (stock, random) => {
      const day = dayInMarch(await stock.whole(), random);
      const scene = await harmed(stock, { coverage: { twice: daysSql(day, day) } });
      return { scene, gaps: [gap(scene, "overlap", "doubled", day, day, scene.idsOf(day, day))] };
    },
  },
  {
    name: "I-16 a bar is there twice",
    inject: async (stock, random) => {
      const bar = await barInMarch(await stock.whole(), random);
      const scene = await harmed(stock, { bars: { twice: `first_agg_trade_id = ${bar.first_id}` } });
      return { scene, gaps: [barGap(scene, bar, "overlap", "doubled")], limits: exhaustive };
    },
  },
  {
    name: "I-01 a bar is gone under its coverage, by id",
    inject: async (stock, random) => {
      const bar = await barInMarch(await stock.whole(), random);
      const scene = await harmed(stock, { bars: { without: `first_agg_trade_id = ${bar.first_id}` } });
      return { scene, gaps: [barGap(scene, bar, "interior", "bars-lost")], limits: exhaustive };
    },
  },
  {
    name: "I-01 bars are gone under their coverage, by number",
    inject: async (stock, random) => {
      const bar = await barInMarch(await stock.whole(), random);
      const harm = { bars: { without: `segment = '2024-03' AND first_agg_trade_id >= ${bar.first_id}` } };
      const scene = await harmed(stock, harm);
      return { scene, gaps: [gap(scene, "interior", "bars-lost", scene.day(march), scene.day(april - 1))] };
    },
  },
  {
    name: "the last bars of a unit are gone, by id",
    inject: async (stock, random) => {
      const whole = await stock.whole();
      const bar = await barInMarch(whole, random);
      const harm = { bars: { without: `segment = '2024-03' AND first_agg_trade_id >= ${bar.first_id}` } };
      const scene = await harmed(stock, harm);
      const { throughId } = scene.idsOf(scene.day(april - 1), scene.day(april - 1));
      const lost = { ...bar, last_id: throughId };
      return { scene, gaps: [barGap(scene, lost, "interior", "bars-lost")], limits: exhaustive };
    },
  },
  {
    name: "a unit was built by another version of bars",
    inject: async (stock) => {
      const set = { bar_version: "if(segment = '2024-03', 7, bar_version)" };
      const scene = await harmed(stock, { builds: { set } });
      return { scene, gaps: [gap(scene, "stale", "other-version", scene.day(march), scene.day(april - 1))] };
    },
  },
  {
    name: "I-15 an archive was replaced after it was built from",
    inject: async (stock, random) => {
      const scene = await stock.copy();
      const from = dayInMarch(scene, random, 2);
      const to = addDays(from, random.integer(0, 2));
      for (let day = from; day <= to; day = addDays(day, 1)) scene.publish(day, scene.tradesOf(day).slice(1));
      return { scene, gaps: [gap(scene, "revised", "archive-revised", from, to)], limits: exhaustive };
    },
  },
  {
    name: "S-20 the archive cannot be looked at, and never was",
    inject: async (stock) => {
      const scene = await stock.copy();
      scene.location = scene.nowhere;
      const listed = addDays(scene.firstDay, -40);
      scene.registry = scene.registryWith("", listed);
      const january = addDays(scene.day(march), -30);
      const gaps = [
        gap(scene, "unknown", "not-known", listed, addDays(january, 0)),
        gap(scene, "unknown", "not-known", addDays(january, 1), addDays(scene.firstDay, -1)),
      ];
      const evidence = { code: "ARCHIVE_ABSENT", looked_at: "never", symbols: scene.symbol };
      const findings: InjectedFinding[] = [
        { kind: "archive-unreachable", subject: "archive:spot", verdict: "unknown", evidence },
      ];
      return { scene, gaps, findings };
    },
  },
  {
    name: "I-10 a day was never published",
    inject: async ({ bed }, random) => {
      const at = random.integer(march + 1, april - 5);
      const day = new Scene(bed, {}, false).day(at);
      const scene = new Scene(bed, { absent: [day] });
      await scene.build();
      const missing = gap(scene, "interior", "missing-upstream", day, day, scene.idsOf(day, day));
      const absence = { sinceMs: scene.nowMs, askedMs: scene.nowMs, publishedThrough: scene.lastDay };
      return { scene, gaps: [{ ...missing, absence }] };
    },
  },
  {
    name: "ids are missing inside an archive",
    inject: async ({ bed }, random) => {
      const at = random.integer(march + 1, april - 5);
      const [first, count] = [random.integer(2, 6), random.integer(1, 4)];
      const change: SceneChange = (day, trades) =>
        day === holed ? trades.filter((_, i) => i < first || i >= first + count) : trades;
      const holed = new Scene(bed, {}, false).day(at);
      const scene = new Scene(bed, { change });
      await scene.build();
      const begin = scene.idsOf(holed, holed).fromId + BigInt(first);
      const ids = { fromId: begin, throughId: begin + BigInt(count - 1) };
      return { scene, gaps: [gap(scene, "interior", "missing-upstream", holed, holed, ids)] };
    },
  },
  {
    name: "ids are missing between two archives",
    inject: async ({ bed }, random) => {
      const at = random.integer(march + 1, april - 5);
      const count = random.integer(1, 6);
      const holed = new Scene(bed, {}, false).day(at);
      const scene = new Scene(bed, { change: (day, trades) => (day === holed ? trades.slice(count) : trades) });
      await scene.build();
      const { fromId } = scene.idsOf(holed, holed);
      const ids = { fromId, throughId: fromId + BigInt(count - 1) };
      return { scene, gaps: [gap(scene, "interior", "missing-upstream", addDays(holed, -1), holed, ids)] };
    },
  },
  {
    name: "I-03 nothing new came for longer than its objective",
    inject: async (stock, random) => {
      const scene = await stock.copy();
      scene.nowMs += random.integer(72, 600) * 3_600_000;
      return { scene, gaps: [], findings: [tooOld(scene, "series-not-fresh", 72)], limits: { maxStaleHours: 72 } };
    },
  },
  {
    name: "S-21 D-41 dead for longer than the window that is looked at",
    inject: async (stock, random) => {
      const scene = await stock.copy();
      scene.nowMs += random.integer(31, 900) * 86_400_000;
      const findings = [tooOld(scene, "series-dead", 72)];
      return { scene, gaps: [], findings, limits: { recentDays: 7, maxStaleHours: 72 } };
    },
  },
  {
    name: "I-11 bars' sums overflowed",
    inject: async (stock, random) => {
      const whole = await stock.whole();
      const bars = random.shuffled(await barsInMarch(whole)).slice(0, random.integer(1, 4));
      const column = random.pick(["volume", "turnover", "buy_volume", "sell_volume"]);
      const isOneOfThem = `first_agg_trade_id IN (${bars.map((bar) => bar.first_id).join(", ")})`;
      const set = { [column]: `if(${isOneOfThem}, -1 - ${column}, ${column})` };
      const scene = await harmed(stock, { bars: { set } });
      const all = (await whole.bars()).filter(({ segment }) => segment === "2024-03").length;
      const percent = ((100 * bars.length) / all).toFixed(2);
      const evidence = { negative: `${bars.length}`, bars: `${all}`, percent, ...seenInBars };
      const subject = scene.unitOf(scene.day(march));
      const findings: InjectedFinding[] = [
        { kind: "sum-overflow", subject, place: "bars", verdict: "wrong", evidence },
      ];
      return { scene, gaps: [], findings, limits: exhaustive };
    },
  },
  {
    name: "I-11 days' volumes overflowed",
    inject: async (stock, random) => {
      const { from, to } = await someDays(stock, random);
      const set = { volume: `if(${daysSql(from, to)}, -volume, volume)` };
      const scene = await harmed(stock, { coverage: { set } });
      const evidence = { parts: `${daysInclusive(from, to).length}` };
      const findings: InjectedFinding[] = [
        { kind: "sum-overflow", subject: scene.unitOf(from), verdict: "wrong", evidence },
      ];
      return { scene, gaps: [], findings };
    },
  },
  {
    name: "I-05 a giant bar over ids that it has not seen",
    inject: async (stock, random) => {
      const whole = await stock.whole();
      const long = (await whole.bars()).filter((one) => one.duration_us > 25n * hourUs);
      const bar = random.pick(long);
      const trades = random.integer(1, 3);
      const set = { agg_record_count: `if(first_agg_trade_id = ${bar.first_id}, ${trades}, agg_record_count)` };
      const scene = await harmed(stock, { bars: { set } });
      const limits = { ...exhaustive, maxBarDurationHours: 24 };
      return { scene, gaps: [], findings: [giantBar(scene, bar, trades)], limits };
    },
  },
  {
    name: "a step of price, where every step counts",
    inject: async ({ bed }, random) => {
      const at = random.integer(march + 1, april - 5);
      const day = new Scene(bed, {}, false).day(at);
      // The trade that breaks out closes its bar; the next one opens where the price was before.
      const change: SceneChange = (one, trades) =>
        one === day ? trades.map((trade, i) => (i === 6 ? { ...trade, price: "90000.00000000" } : trade)) : trades;
      const scene = new Scene(bed, { change });
      await scene.build();
      const limits = { ...exhaustive, strictPrice: true };
      return { scene, gaps: [], findings: [await jumpAt(scene, change(day, scene.tradesOf(day)), 6)], limits };
    },
  },
];

type SceneChange = NonNullable<NonNullable<ConstructorParameters<typeof Scene>[1]>["change"]>;

async function someDays(stock: Stock, random: Random): Promise<{ readonly from: Day; readonly to: Day }> {
  const from = dayInMarch(await stock.whole(), random, 5);
  return { from, to: addDays(from, random.integer(0, 5)) };
}

function barGap(
  scene: Scene,
  { first_id: fromId, last_id: throughId }: Pick<StoredBar, "first_id" | "last_id">,
  kind: Gap["kind"],
  cause: Gap["cause"],
): InjectedGap {
  return gap(scene, kind, cause, scene.dayOf(fromId), scene.dayOf(throughId), { fromId, throughId });
}

/** A series whose newest trade is that of the scene's last day. */
function tooOld(scene: Scene, kind: "series-not-fresh" | "series-dead", maxStaleHours: number): InjectedFinding {
  const newestMs = scene.tradesOf(scene.lastDay).at(-1)?.timeMs ?? NaN;
  const hours = Math.floor((scene.nowMs - newestMs) / 3_600_000);
  const evidence = { hours_since_last: `${hours}`, max_stale_hours: `${maxStaleHours}` };
  return { kind, subject: scene.series, verdict: "wrong", evidence };
}

/** A long bar that says it has seen so few trades. */
function giantBar(scene: Scene, bar: StoredBar, trades: number): InjectedFinding {
  const evidence = {
    hours: (Number(bar.duration_us) / Number(hourUs)).toFixed(2),
    ids: `${bar.first_id} … ${bar.last_id}`,
    trades: `${trades}`,
    proof: "hole",
    ...seenInBars,
  };
  return {
    kind: "duration-anomaly",
    subject: scene.series,
    place: `bar ${bar.first_id}`,
    verdict: "wrong",
    evidence,
  };
}

/** The step beside a trade that no price near it is like: behind the bar that it ends, or in front of the one that it begins. */
async function jumpAt(scene: Scene, trades: readonly TradeFields[], at: number): Promise<InjectedFinding> {
  const id = BigInt(trades[at]?.id ?? 0);
  const bars = await scene.bars();
  const next = bars.findIndex((bar) => bar.first_id === id || bar.first_id === id + 1n);
  const [before, after] = [bars[next - 1], bars[next]];
  if (before === undefined || after === undefined) throw new Error(`no two bars meet at ${id}`);
  const priceOf = (one: bigint): number => Number(trades.find((trade) => trade.id === Number(one))?.price);
  const [close, open] = [priceOf(before.last_id), priceOf(after.first_id)];
  return {
    kind: "price-jump",
    subject: scene.series,
    place: `${secondOf(before.close_us)}..${secondOf(after.close_us)}`,
    verdict: "wrong",
    evidence: {
      jump_dbps: ((100_000 * Math.abs(open - close)) / close).toFixed(0),
      // A third of the price is more than any market of this threshold moves.
      continuity: "session-boundary",
      ids: `${before.last_id} … ${after.first_id}`,
      ...seenInBars,
    },
  };
}

/** `2024-03-05T09:15:00Z` */
function secondOf(us: bigint): string {
  return new Date(Number(us / 1000n)).toISOString().replace(/\.\d+/, "");
}
