import type { BenchName, Figure, Line, Target } from "./line.ts";
import { rounded, type Summary } from "./statistics.ts";

/** What every measurement is given. */
export interface Setting {
  /** Small data, to try the benchmark itself. */
  readonly quick: boolean;
}

/** A measurement gives its lines as it has them. */
export type Measurement = (setting: Setting) => AsyncGenerator<Line>;

/** A figure to be. */
export interface Measured {
  readonly bench: BenchName;
  readonly what: string;
  readonly unit: Figure["unit"];
  readonly summary: Summary;
  readonly target?: Target;
  /** What the target is held against, where that is not the best run. */
  readonly judged?: number;
  readonly details?: Figure["details"];
}

/** The line of a figure. */
export function figure({ quick }: Setting, measured: Measured): Figure {
  const { bench, what, unit, summary, target, details = {} } = measured;
  const { best, median, runs } = summary;
  return {
    bench,
    what,
    unit,
    best: rounded(best),
    median: rounded(median),
    runs,
    target: target ?? null,
    reached: target === undefined ? null : isReached(measured.judged ?? best, target),
    quick,
    details,
  };
}

function isReached(value: number, target: Target): boolean {
  return "at_least" in target ? value >= target.at_least : value <= target.at_most;
}
