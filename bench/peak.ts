import type { Figure } from "./line.ts";
import { figure, type Measured, type Setting } from "./measurement.ts";
import { rounded, summary } from "./statistics.ts";

type Bounded = Omit<Measured, "summary" | "judged"> & { readonly samples: readonly number[] };

/** The line of what must not exceed a bound in any run: the worst is what its target is held against. */
export function worstFigure(setting: Setting, { samples, details, ...rest }: Bounded): Figure {
  const worst = Math.max(...samples);
  return figure(setting, {
    ...rest,
    summary: summary(samples, "low"),
    judged: worst,
    details: { ...details, worst: rounded(worst) },
  });
}

/** The line of a peak of memory [MB]. */
export function peakFigure(setting: Setting, bounded: Omit<Bounded, "unit">): Figure {
  return worstFigure(setting, { ...bounded, unit: "MB" });
}
