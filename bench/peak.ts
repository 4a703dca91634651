import type { Figure } from "./line.ts";
import { figure, type Measured, type Setting } from "./measurement.ts";
import { rounded, summary } from "./statistics.ts";

/** The line of a peak of memory [MB]: a bound has to hold in every run, so the worst is what its target is held against. */
export function peakFigure(
  setting: Setting,
  {
    samples,
    details,
    ...rest
  }: Omit<Measured, "unit" | "summary" | "judged"> & { readonly samples: readonly number[] },
): Figure {
  const worst = Math.max(...samples);
  return figure(setting, {
    ...rest,
    unit: "MB",
    summary: summary(samples, "low"),
    judged: worst,
    details: { ...details, worst: rounded(worst) },
  });
}
