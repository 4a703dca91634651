import type { Kill } from "./kill.ts";
import type { Random } from "./random.ts";
import type { TracedPoint } from "./trace.ts";

/** What an uninterrupted run of a workload passed. */
export interface Census {
  readonly points: readonly TracedPoint[];
  readonly wallMs: number;
}

/** How far into a statement a kill may strike [µs]: from its very beginning to behind its end. */
const intoUsMax = 40_000;

/** What a point is a case of: `before insert`, `after rename`. */
export function kindOf(name: string): string {
  return name.split(" ").slice(0, 2).join(" ");
}

/** Chooses where a workload is killed: every kind of point first, then every distinct one, then all over again. */
export class KillPlanner {
  readonly #census: Census;
  readonly #random: Random;
  #names: string[];
  #kindsLeft: number;
  #turn = 0;

  constructor(census: Census, random: Random) {
    this.#census = census;
    this.#random = random;
    const kinds = Map.groupBy(this.#shuffledNames(), kindOf);
    this.#names = [...kinds.values()].flatMap((names) => names.slice(0, 1));
    this.#kindsLeft = this.#names.length;
  }

  /** The kills of one cycle: one, and at times more in a row, each of the run that resumes the one before. */
  next(): Kill[] {
    const kills = [this.#first()];
    while (kills.length < 4 && this.#random.chance(0.25)) kills.push(this.#again());
    return kills;
  }

  #first(): Kill {
    if (this.#kindsLeft > 0) {
      this.#kindsLeft -= 1;
      return this.#atNextName();
    }
    this.#turn += 1;
    switch (this.#turn % 5) {
      case 0:
        return this.#instant();
      case 3:
        return this.#inside();
      default:
        return this.#atNextName();
    }
  }

  /** Of a resume nothing is known but that it passes no more points than a whole run. */
  #again(): Kill {
    if (this.#random.chance(0.3)) return this.#instant();
    return { kind: "point", point: this.#random.integer(1, this.#census.points.length) };
  }

  /** By name, not by number: what a run does once is hit as often as what it does for every statement. */
  #atNextName(): Kill {
    if (this.#names.length === 0) this.#names = this.#shuffledNames();
    const name = this.#names.pop();
    const { point } = this.#random.pick(this.#census.points.filter((one) => one.name === name));
    return { kind: "point", point };
  }

  #shuffledNames(): string[] {
    return this.#random.shuffled([...new Set(this.#census.points.map(({ name }) => name))]);
  }

  #inside(): Kill {
    const statements = this.#census.points.filter(({ name }) =>
      /^before (send )?(insert|create|alter|drop)\b/.test(name),
    );
    // The ledger's statements have no inside to strike: SQLite runs them on the main thread.
    if (statements.length === 0) return this.#atNextName();
    const { point } = this.#random.pick(statements);
    return { kind: "inside", point, intoUs: Math.round(50 * (intoUsMax / 50) ** this.#random.next()) };
  }

  /** Over the whole run, its start too, and denser where it changes something. */
  #instant(): Kill {
    const { points, wallMs } = this.#census;
    const [first = 0, last = wallMs] = [points[0]?.atMs, points.at(-1)?.atMs];
    const isDense = this.#random.chance(0.7);
    const [fromMs, toMs] = isDense ? [first, last] : [0, wallMs];
    return { kind: "instant", afterMs: Math.round(fromMs + this.#random.next() * (toMs - fromMs)) };
  }
}
