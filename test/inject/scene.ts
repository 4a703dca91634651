import { join } from "node:path";
import { z } from "zod";
import { loadSettings, parseRegistry, readEnvironment, type Registry, type Settings } from "../../lib/config/index.ts";
import { readDigests } from "../../lib/datasets/range/digests.ts";
import { coveredOf, populateSymbol, type SymbolWork } from "../../lib/datasets/range/populate.ts";
import { addDays, dayOfMs, daysBetween, dayStartMs, daysInclusive, parseDay, type Day } from "../../lib/model/day.ts";
import type { Failure } from "../../lib/model/errors.ts";
import type { IdInterval } from "../../lib/model/intervals.ts";
import type { SegmentId } from "../../lib/model/segments.ts";
import { parseThreshold, seriesId, unitId, type RangeSeries, type SeriesId } from "../../lib/model/series.ts";
import { openArchive } from "../../lib/sources/archive/index.ts";
import { pinPublished } from "../../lib/store/index.ts";
import { findGaps, type WatchReport } from "../../lib/watch/find-gaps.ts";
import type { WatchLimits } from "../../lib/watch/limits.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ArchiveFolder, linesOf, walkOf, type TradeFields } from "../rig/make-archive.ts";
import type { Bed } from "./bed.ts";

/** How a scene begins; what is left out is as most scenes have it. */
export interface SceneSize {
  readonly firstDay?: string;
  readonly days?: number;
  readonly perDay?: number;
  readonly threshold?: number;
  /** Further lines of the symbol's table in the registry. */
  readonly registry?: string;
  /** Days that the archive never had. */
  readonly absent?: readonly Day[];
  /** A day's trades as they are to be published. */
  readonly change?: (day: Day, trades: TradeFields[]) => TradeFields[];
}

/** How the rows of a table differ in a copy: columns by what they become, rows that are left out, rows that are there twice. */
export interface Change {
  readonly set?: Readonly<Record<string, string>>;
  readonly without?: string;
  readonly twice?: string;
}

/** What went wrong with a series in the store, as far as one of its copies shows it. */
export type Harm = Readonly<Partial<Record<"bars" | "coverage" | "builds" | "pointer", Change>>>;

/** Which part of a scene is built. */
export interface BuildRange {
  readonly from?: Day;
  readonly to?: Day;
  readonly only?: SegmentId;
  /** Series of other thresholds than the scene's own. */
  readonly thresholds?: readonly number[];
}

const hourMs = 3_600_000;

const bigintText = z.string().transform(BigInt);
const storedBar = z.object({
  segment: z.string(),
  first_id: bigintText,
  last_id: bigintText,
  orphan: z.coerce.boolean(),
  close_us: bigintText,
  duration_us: bigintText,
});
export type StoredBar = Readonly<z.output<typeof storedBar>>;

/**
 * A symbol with an archive of its own, a registry that keeps it, and a series that is built from the one by the other: months as
 * segments, so that a few weeks are several units. The clock stands six hours behind the archive's last day.
 */
export class Scene {
  readonly bed: Bed;
  readonly symbol: string;
  readonly archive: ArchiveFolder;
  readonly days: readonly Day[];
  readonly perDay: number;
  readonly key: RangeSeries;
  readonly series: SeriesId;
  /** Where archives are looked for; a scene may point it at nothing. */
  location: string;
  registry: Registry;
  nowMs: number;
  readonly #size: SceneSize;
  readonly #published = new Map<Day, readonly TradeFields[]>();

  constructor(bed: Bed, size: SceneSize = {}, isPublished = true) {
    this.bed = bed;
    this.symbol = bed.newSymbol();
    this.#size = size;
    this.archive = new ArchiveFolder(temporaryFolder("scene"), this.symbol);
    this.location = this.archive.root;
    const firstDay = parseDay(size.firstDay ?? "2024-02-20");
    this.days = daysInclusive(firstDay, addDays(firstDay, (size.days ?? 45) - 1));
    this.perDay = size.perDay ?? 12;
    this.key = {
      venue: "binance",
      market: "spot",
      symbol: this.symbol,
      threshold: parseThreshold(size.threshold ?? 20),
    };
    this.series = seriesId(this.key);
    this.registry = this.registryWith(size.registry ?? "");
    this.nowMs = dayStartMs(addDays(this.lastDay, 1)) + 6 * hourMs;
    if (!isPublished) return;
    for (const day of this.days) {
      if (size.absent?.includes(day) !== true) this.publish(day, size.change?.(day, this.tradesOf(day)));
    }
  }

  /**
   * The same under another symbol: archive and rows of the store are copied, which is much faster than to build them, and some rows
   * are harmed on their way.
   */
  async copy(harm: Harm = {}): Promise<Scene> {
    const copy = new Scene(this.bed, this.#size, false);
    for (const [day, trades] of this.#published) copy.publish(day, trades);
    const days = [...this.#published.keys()];
    const copied = {
      series: `'${copy.series}'`,
      source_name: `replaceOne(source_name, '${this.symbol}', '${copy.symbol}')`,
      // A file's name stands inside it: its digest is another one under another symbol.
      source_sha256: `transform(toString(day), ${texts(days)}, ${texts(days.map((day) => copy.archive.digestOf(day)))}, source_sha256)`,
    };
    for (const table of ["bars", "coverage", "builds", "pointer"] as const) {
      const { set = {}, without = "false", twice } = harm[table] ?? {};
      const changed = table === "coverage" ? { ...copied, ...set } : { series: copied.series, ...set };
      const columns = Object.entries(changed).map(([column, value]) => `${value} AS ${column}`);
      const rows = (condition: string): string => `INSERT INTO barkeep.${table} SELECT * REPLACE (${columns.join(", ")})
FROM (SELECT * FROM barkeep.${table} WHERE series = '${this.series}' AND (${condition})) SETTINGS max_partitions_per_insert_block = 0`;
      await this.bed.store.command(rows(`NOT (${without})`));
      if (twice !== undefined) await this.bed.store.command(rows(twice));
    }
    return copy;
  }

  get firstDay(): Day {
    return this.day(0);
  }

  get lastDay(): Day {
    return this.day(this.days.length - 1);
  }

  /** One of its days by its place. */
  day(at: number): Day {
    const day = this.days[at];
    if (day === undefined) throw new RangeError(`the scene has no day ${at}`);
    return day;
  }

  /** The ids of days that follow each other, published or not. */
  idsOf(fromDay: Day, throughDay: Day): IdInterval {
    const before = (day: Day): number => 1000 + daysBetween(this.firstDay, day) * this.perDay;
    return { fromId: BigInt(before(fromDay)), throughId: BigInt(before(throughDay) + this.perDay - 1) };
  }

  /** The stored bars, in id order. */
  async bars(): Promise<StoredBar[]> {
    return this.bed.store.rows(
      `SELECT CAST(segment, 'String') AS segment, first_agg_trade_id AS first_id, last_agg_trade_id AS last_id, is_orphan = 1 AS orphan,
  close_time AS close_us, duration_us
FROM barkeep.bars_published WHERE series = '${this.series}' ORDER BY first_id`,
      storedBar,
    );
  }

  /** The day of an id. */
  dayOf(id: bigint): Day {
    return addDays(this.firstDay, Math.floor((Number(id) - 1000) / this.perDay));
  }

  /** The same symbol at another threshold. */
  keyAt(threshold: number): RangeSeries {
    return { ...this.key, threshold: parseThreshold(threshold) };
  }

  /** The unit of a day. */
  unitOf(day: Day): string {
    return unitId(this.series, day.slice(0, 7));
  }

  /** A day's trades; ids follow each other over the days. */
  tradesOf(day: Day): TradeFields[] {
    const { fromId } = this.idsOf(day, day);
    return walkOf(day, Number(fromId), this.perDay);
  }

  publish(day: Day, trades: readonly TradeFields[] = this.tradesOf(day)): void {
    this.archive.putLines(day, linesOf(trades));
    this.#published.set(day, trades);
  }

  /** The archive has the day no longer. */
  unpublish(day: Day): void {
    this.archive.remove(day);
    this.#published.delete(day);
  }

  /** A registry that has the symbol and does not want it kept. */
  disabled(): Registry {
    return parseRegistry(
      this.#registryText("", this.firstDay).replace("enabled = true", "enabled = false"),
      "symbols.toml",
    );
  }

  /** Puts rows of the scene there once more, changed. */
  async insertAgain(
    table: "bars" | "coverage",
    set: Readonly<Record<string, string>>,
    condition: string,
  ): Promise<void> {
    const columns = Object.entries(set).map(([column, value]) => `${value} AS ${column}`);
    await this.bed.store.command(`INSERT INTO barkeep.${table} SELECT * REPLACE (${columns.join(", ")})
FROM (SELECT * FROM barkeep.${table} WHERE series = '${this.series}' AND (${condition})) SETTINGS max_partitions_per_insert_block = 0`);
  }

  /** A registry that keeps the symbol since its first day. */
  registryWith(more: string, listing = this.firstDay): Registry {
    return parseRegistry(this.#registryText(more, listing), "symbols.toml");
  }

  #registryText(more: string, listing: Day): string {
    return `schema_version = 2
[symbols.${this.symbol}]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = ${listing}
min_threshold = 1
${more}`;
  }

  get settings(): Settings {
    const environment = readEnvironment({ BARKEEP_SETTINGS: "off" });
    const settings = loadSettings({ state: this.bed.state, archive: this.location }, environment);
    return { ...settings, segmentation: "month" };
  }

  /** Builds what is published, as populate does. @returns what kept it from going on, or was worth telling */
  async build({ from = this.firstDay, to = this.lastDay, only, thresholds }: BuildRange = {}): Promise<
    readonly Failure[]
  > {
    const { store, state } = this.bed;
    const work: SymbolWork = {
      series: thresholds?.map((one) => this.keyAt(one)) ?? [this.key],
      entry: this.registry.symbols.get(this.symbol),
      range: { from, to, notes: [] },
      segmentation: "month",
      source: await openArchive(this.archive.root, "spot", this.symbol, state),
      only,
    };
    const covered = await coveredOf(store, work);
    const signal = new AbortController().signal;
    const events = { note: ignored, finding: ignored, opened: ignored, dayRead: ignored, committed: ignored };
    return (await populateSymbol(store, work, covered, dayOfMs(this.nowMs), signal, events)).failures;
  }

  /** What the watch says of the scene. */
  async look(limits: Partial<WatchLimits> = {}): Promise<WatchReport> {
    const { store, ledger } = this.bed;
    return findGaps({
      store,
      ledger,
      registry: this.registry,
      env: {},
      settings: this.settings,
      selection: { symbols: [this.symbol], thresholds: [this.key.threshold], tier1Only: false },
      limits,
      nowMs: this.nowMs,
      signal: new AbortController().signal,
    });
  }

  /** The digest of the series' bars as the store returns them. */
  async digest(): Promise<bigint> {
    const { store } = this.bed;
    return (await readDigests(store, await pinPublished(store, this.series))).digest;
  }

  /** A path where no archive is. */
  get nowhere(): string {
    return join(this.archive.root, "gone");
  }
}

function texts(values: readonly string[]): string {
  return `[${values.map((value) => `'${value}'`).join(", ")}]`;
}

function ignored(): void {
  // What a populate tells is of no interest here.
}
