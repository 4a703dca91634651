/** Several runs in short. */
export interface Summary {
  readonly best: number;
  readonly median: number;
  readonly runs: number;
}

/** @param better which end of the samples is the best */
export function summary(samples: readonly number[], better: "low" | "high"): Summary {
  const sorted = samples.toSorted((a, b) => (better === "low" ? a - b : b - a));
  const [best] = sorted;
  const median = sorted[Math.floor(sorted.length / 2)];
  if (best === undefined || median === undefined) throw new Error("no samples");
  return { best, median, runs: sorted.length };
}

/** One side over the other: best over best, median over median. */
export function ratio(above: Summary, below: Summary): Summary {
  return {
    best: above.best / below.best,
    median: above.median / below.median,
    runs: Math.min(above.runs, below.runs),
  };
}

/** To as many digits as a measurement can mean. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
