import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { addDays, parseDay, type Day } from "../../lib/model/day.ts";
import { barkeep, temporaryFolder, type Outcome } from "../ops/run.ts";
import { ArchiveFolder } from "./make-archive.ts";
import { minimalRegistry } from "./registry.ts";

const statusSchema = z.object({
  series: z.array(
    z.object({
      series: z.string(),
      bars: z.number(),
      days: z.number(),
      first_id: z.string(),
      last_id: z.string(),
      complete: z.boolean(),
      differing: z.array(z.string()),
      digest: z.string(),
    }),
  ),
});

/** What `status --json` says of a series. */
export type SeriesSeen = z.infer<typeof statusSchema>["series"][number];

/** How large a bench's archive is. */
export interface BenchSize {
  readonly firstDay?: string;
  readonly days?: number;
  readonly perDay?: number;
}

/** An archive of good days that follow each other, a registry that allows BTCUSDT, and a state directory that is not there yet. */
export class Bench {
  readonly firstDay: Day;
  readonly lastDay: Day;
  readonly perDay: number;
  readonly archive = new ArchiveFolder(temporaryFolder("bench-archive"));
  readonly symbols = join(temporaryFolder("bench-symbols"), "symbols.toml");
  readonly state: string;

  constructor({ firstDay = "2024-03-05", days = 2, perDay = 400 }: BenchSize = {}) {
    this.firstDay = parseDay(firstDay);
    this.lastDay = addDays(this.firstDay, days - 1);
    this.perDay = perDay;
    this.archive.putWalk(this.firstDay, days, perDay);
    writeFileSync(this.symbols, minimalRegistry());
    this.state = newState();
  }

  /**
   * The words of a `populate` of the whole archive at 50 dbps.
   * @param extra flags that take the place of the usual ones or come on top
   */
  populateWords(extra: readonly string[] = [], archive = this.archive.root): string[] {
    const usual: readonly (readonly [string, string])[] = [
      ["--symbol", "BTCUSDT"],
      ["--threshold", "50"],
      ["--start-date", this.firstDay],
      ["--end-date", this.lastDay],
      ["--archive", archive],
      ["--symbols", this.symbols],
      ["--state", this.state],
    ];
    return ["populate", ...usual.filter(([flag]) => !extra.includes(flag)).flat(), ...extra];
  }

  async populate(extra: readonly string[] = [], archive?: string, env?: Record<string, string>): Promise<Outcome> {
    return barkeep(this.populateWords(extra, archive), env);
  }

  /** A command beside `populate`, of this state directory and registry. */
  async run(words: readonly string[], env?: Record<string, string>, state = this.state): Promise<Outcome> {
    return barkeep([...words, "--state", state, "--symbols", this.symbols], env);
  }

  async status(env?: Record<string, string>, state = this.state): Promise<SeriesSeen[]> {
    const { stdout, stderr } = await this.run(["status", "--json"], env, state);
    assert.notEqual(stdout, "", stderr);
    return statusSchema.parse(JSON.parse(stdout)).series;
  }

  /** What a run that nothing happens to ends with. @param extra as for {@link populateWords} */
  async cleanStatus(extra: readonly string[] = []): Promise<SeriesSeen[]> {
    const state = newState();
    const { code, stderr } = await this.populate([...extra, "--state", state]);
    assert.equal(code, 0, stderr);
    return this.status({}, state);
  }
}

/** A state directory that is not there yet. */
export function newState(): string {
  return join(temporaryFolder("bench-state"), "state");
}
