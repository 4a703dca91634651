import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { prepareWorkload, runCycle, type Prepared, type Strike } from "./cycle.ts";
import { formatKill, type Kill } from "./kill.ts";
import { KillPlanner, kindOf } from "./planner.ts";
import { Random } from "./random.ts";
import { workloads } from "./workloads/index.ts";

/** What a campaign is asked to do. */
export interface CampaignRequest {
  readonly kills: number;
  /** Goes on until every workload has been killed so often. */
  readonly each?: number;
  /** Goes on until every kind of point of every workload has been hit. */
  readonly allKinds?: boolean;
  readonly seed: number;
  /** Cycles at a time. */
  readonly lanes: number;
  /** Names of workloads; empty for all. */
  readonly only: readonly string[];
  /** These kills in a row instead of drawn ones, as one cycle of each workload. */
  readonly at: readonly Kill[] | undefined;
  /** Where states lie; those with a violation stay there. */
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** Counts of one workload. */
export interface Tally {
  kills: number;
  /** Distinct points at which it was killed, of how many it has. */
  points: number;
  points_known: number;
  /** Kinds of points, `before insert`, that were hit, of how many. */
  kinds: number;
  kinds_known: number;
  violations: number;
}

export interface CampaignOutcome {
  readonly kills: number;
  readonly points: number;
  readonly violations: number;
  readonly seconds: number;
  readonly seed: number;
  readonly by_workload: Readonly<Record<string, Tally>>;
}

function kindsIn(names: ReadonlySet<string>): number {
  return new Set([...names].map(kindOf)).size;
}

/** One workload of a campaign, and what became of it so far. */
class Field {
  readonly prepared: Prepared;
  readonly planner: KillPlanner;
  readonly random: Random;
  readonly #hit = new Set<string>();
  readonly #known: ReadonlySet<string>;
  kills = 0;
  violations = 0;

  constructor(prepared: Prepared, random: Random) {
    this.prepared = prepared;
    this.random = random;
    this.planner = new KillPlanner(prepared.census, random);
    this.#known = new Set(prepared.census.points.map(({ name }) => name));
  }

  get name(): string {
    return this.prepared.workload.name;
  }

  struck(strikes: readonly Strike[]): void {
    this.kills += strikes.length;
    for (const { kill, behind } of strikes) if (kill.kind === "point") this.#hit.add(behind);
  }

  get tally(): Tally {
    return {
      kills: this.kills,
      points: this.#hit.size,
      points_known: this.#known.size,
      kinds: kindsIn(this.#hit),
      kinds_known: kindsIn(this.#known),
      violations: this.violations,
    };
  }
}

/** Kills every workload in turn until there have been enough kills. */
export async function runCampaign(request: CampaignRequest): Promise<CampaignOutcome> {
  const startMs = performance.now();
  const { seed, only, say } = request;
  const names = Object.keys(workloads).filter((name) => only.length === 0 || only.includes(name));
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no workload is called ${unknown.join(" or ")}`);
  const fields: Field[] = [];
  const waiting = names.map((name, i) => ({ name, random: new Random(seed * 1_009 + i) }));
  const prepareNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name, random } = next;
      const folder = join(request.folder, name);
      mkdirSync(folder, { recursive: true });
      const workload = await workloads[name]?.(name, folder);
      if (workload === undefined) continue;
      const prepared = await prepareWorkload(workload, folder);
      const { points, wallMs } = prepared.census;
      say(`${name}: ${points.length} points, ${Math.round(wallMs)} ms without a kill`);
      fields.push(new Field(prepared, random));
    }
  };
  try {
    await Promise.all(Array.from({ length: request.lanes }, prepareNext));
    fields.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
    await runLanes(request, fields);
  } finally {
    for (const field of fields) await field.prepared.workload.close?.();
  }
  const tallies = fields.map((field) => field.tally);
  const sum = (of: (tally: Tally) => number): number => tallies.reduce((total, one) => total + of(one), 0);
  return {
    kills: sum((one) => one.kills),
    points: sum((one) => one.points),
    violations: sum((one) => one.violations),
    seconds: Math.round((performance.now() - startMs) / 100) / 10,
    seed,
    by_workload: Object.fromEntries(fields.map((field) => [field.name, field.tally])),
  };
}

async function runLanes(request: CampaignRequest, fields: readonly Field[]): Promise<void> {
  const { kills, at, lanes, folder, say } = request;
  const { each = 0, allKinds = false } = request;
  const isDone = ({ kills, tally }: Field): boolean =>
    kills >= each && (!allKinds || tally.kinds === tally.kinds_known);
  const isEnough = (): boolean => at === undefined && killed() >= kills && fields.every(isDone);
  const killed = (): number => fields.reduce((total, { kills }) => total + kills, 0);
  let begun = 0;
  let told = 0;
  // Cycles whose process ended before its kill add nothing; a workload that is never hit must not go on for ever.
  const cyclesMax = at === undefined ? 3 * kills + 100 : fields.length;
  const lane = async (): Promise<void> => {
    while (begun < cyclesMax && !isEnough()) {
      const number = begun;
      const field = fields[number % fields.length];
      begun += 1;
      if (field === undefined) return;
      const chosen = at ?? field.planner.next();
      const state = join(folder, field.name, `cycle-${number}`);
      const outcome = await runCycle(field.prepared, chosen, state, field.random.chance(0.2));
      field.struck(outcome.strikes);
      if (outcome.violations.length > 0) {
        field.violations += 1;
        const behind = outcome.strikes.map((strike) => `${formatKill(strike.kill)} (${strike.behind})`).join(", then ");
        say(`VIOLATION in ${field.name}, killed at ${behind || "no point"}; its state: ${state}`);
        for (const violation of outcome.violations) say(`  ${violation}`);
        say(`  again: npm run test:crash -- --only ${field.name} --at "${chosen.map(formatKill).join(",")}"`);
      }
      if (killed() >= told + 25) {
        told = killed();
        say(`${told} kills, ${fields.reduce((total, { violations }) => total + violations, 0)} violations`);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
