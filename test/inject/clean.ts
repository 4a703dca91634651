import { addDays } from "../../lib/model/day.ts";
import type { WatchLimits } from "../../lib/watch/limits.ts";
import type { Random } from "../crash/random.ts";
import type { Stock } from "./injections.ts";
import { Scene } from "./scene.ts";

/** A state in which nothing is wrong, however it may look. */
export interface CleanState {
  readonly name: string;
  make(stock: Stock, random: Random): Promise<{ readonly scene: Scene; readonly limits?: Partial<WatchLimits> }>;
}

const exhaustive: Partial<WatchLimits> = { exhaustive: true };

export const cleanStates: readonly CleanState[] = [
  { name: "everything is built", make: async (stock) => ({ scene: await stock.copy() }) },
  {
    name: "S-22 a slow market: bars of a day and longer, every id there",
    make: async (stock, random) => ({
      scene: await stock.copy(),
      limits: { ...exhaustive, maxBarDurationHours: 12, priceGapDbps: random.integer(1, 5000) },
    }),
  },
  {
    name: "a day that was never published is declared",
    make: async ({ bed }, random) => {
      const day = new Scene(bed, {}, false).day(random.integer(12, 38));
      const registry = `\n[[symbols.T_.known_gaps]]\nstart_date = ${day}\nend_date = ${day}\nreason = "never published"\n`;
      const scene = new Scene(bed, { absent: [day] });
      scene.registry = scene.registryWith(registry.replace("T_", scene.symbol));
      await scene.build();
      return { scene, limits: exhaustive };
    },
  },
  {
    name: "a day that was never published is accepted, for a time that is not over",
    make: async ({ bed }, random) => {
      const day = new Scene(bed, {}, false).day(random.integer(12, 38));
      const scene = new Scene(bed, { absent: [day] });
      await scene.build();
      const accepted = { fromDay: day, throughDay: day, reason: "the exchange says so", by: "test@host" };
      bed.ledger.archives.accept(
        { market: "spot", symbol: scene.symbol },
        { ...accepted, expiresMs: scene.nowMs + 1 },
        scene.nowMs,
      );
      return { scene };
    },
  },
  {
    name: "I-10 the newest day is not published yet",
    make: async (stock) => {
      const scene = await stock.copy();
      scene.nowMs += 36 * 3_600_000;
      return { scene, limits: exhaustive };
    },
  },
  {
    name: "a day behind one that may still be published waits for it",
    make: async (stock) => {
      const scene = await stock.copy();
      scene.publish(addDays(scene.lastDay, 2));
      scene.nowMs += 2 * 86_400_000;
      return { scene };
    },
  },
  {
    name: "a symbol that no longer trades, and is built to its end",
    make: async (stock, random) => {
      const scene = await stock.copy();
      scene.registry = scene.registryWith(`delisting_date = ${scene.lastDay}`);
      scene.nowMs += random.integer(10, 2000) * 86_400_000;
      return { scene };
    },
  },
  {
    name: "S-24 I-29 a symbol that is not maintained, with everything wrong with it",
    make: async (stock) => {
      const scene = await stock.copy({ coverage: { without: "segment = '2024-03'" }, bars: { twice: "true" } });
      scene.registry = scene.disabled();
      scene.nowMs += 900 * 86_400_000;
      return { scene, limits: exhaustive };
    },
  },
  {
    name: "a build of another version that a person holds",
    make: async (stock) => ({
      scene: await stock.copy({ builds: { set: { bar_version: "7" } }, pointer: { set: { held: "true" } } }),
    }),
  },
  {
    name: "the archive begins later than the registry says the symbol was listed",
    make: async (stock, random) => {
      const scene = await stock.copy();
      scene.registry = scene.registryWith("", addDays(scene.firstDay, -random.integer(1, 90)));
      return { scene };
    },
  },
  {
    name: "I-35 rows of an attempt that does not count lie beside the bars",
    make: async (stock, random) => {
      const scene = await stock.copy();
      const some = `first_agg_trade_id % ${random.integer(2, 5)} = 0`;
      await scene.insertAgain("bars", { attempt: "attempt - 1048576 + 1" }, some);
      return { scene, limits: exhaustive };
    },
  },
  {
    name: "I-17 S-32 rows that are no trades",
    make: async ({ bed }, random) => {
      const day = new Scene(bed, {}, false).day(random.integer(12, 38));
      const ghosts = new Set([random.integer(1, 5), random.integer(6, 10)]);
      const scene = new Scene(bed, {
        change: (one, trades) =>
          one === day ? trades.map((trade, i) => (ghosts.has(i) ? { ...trade, price: "0.00000000" } : trade)) : trades,
      });
      await scene.build();
      return { scene, limits: { looksAtBars: true } };
    },
  },
  {
    name: "a series with an objective of its own",
    make: async (stock) => {
      const scene = await stock.copy();
      scene.registry = scene.registryWith("max_stale_hours = 200");
      scene.nowMs += 150 * 3_600_000;
      return { scene };
    },
  },
  {
    name: "holes older than the window that is looked at",
    make: async (stock) => {
      const scene = await stock.copy({ coverage: { without: "day BETWEEN '2024-03-05' AND '2024-03-08'" } });
      return { scene, limits: { recentDays: 20, looksAtBars: true } };
    },
  },
];
