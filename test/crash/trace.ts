import { existsSync, readFileSync } from "node:fs";

/** A point that a process passed. */
export interface TracedPoint {
  readonly point: number;
  /** Since the process began. */
  readonly atMs: number;
  readonly name: string;
}

/** What a process wrote before it ended; the last line of one that was killed may be torn. */
export function readTrace(file: string): TracedPoint[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => {
    const [point = "", atMs = "", name = ""] = line.split("\t");
    return { point: Number(point), atMs: Number(atMs), name };
  });
}
