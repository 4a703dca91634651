import type { Random } from "./random.ts";

/** Something that happens to a host, whatever is done there. */
export type Disturbance =
  /** Somebody else takes memory and cores for a while. */
  | {
      readonly kind: "neighbour";
      readonly atMs: number;
      readonly untilMs: number;
      readonly bytes: number;
      readonly cores: number;
    }
  /** What runs is lost; the host does not answer until then, and its groups are paused until somebody resumes them. */
  | { readonly kind: "restart"; readonly atMs: number; readonly untilMs: number; readonly resumedAtMs: number };

/** A neighbour needs this long until it has all it takes. */
export const neighbourRampMs = 20_000;

/** @returns disturbances of some hours, in order: one neighbour at a time, who may take more than the host keeps in reserve */
export function makeDisturbances(memoryBytes: number, cores: number, random: Random): Disturbance[] {
  const disturbances: Disturbance[] = [];
  const hoursMs = 4 * 3_600_000;
  for (let atMs = random.wait(5 * 60_000), untilMs = 0; atMs < hoursMs; atMs = untilMs + random.wait(5 * 60_000)) {
    untilMs = atMs + random.between(30_000, 120_000);
    const bytes = memoryBytes * random.between(0.05, 0.4);
    disturbances.push({ kind: "neighbour", atMs, untilMs, bytes, cores: cores * random.between(0, 0.3) });
  }
  const atMs = random.between(5, 12) * 60_000;
  disturbances.push({ kind: "restart", atMs, untilMs: atMs + 20_000, resumedAtMs: atMs + 40_000 });
  return disturbances.sort((a, b) => a.atMs - b.atMs);
}
