import type { AssetClass } from "../config/index.ts";

/** What a step between one bar's close and the next bar's open is like, from rounding to a closed market. */
export type ContinuityClass = "precision" | "noise" | "market-move" | "microstructure" | "session-boundary";

/** How far prices of a class of assets step in the ordinary course, relative to crypto. */
const factorOf: Readonly<Record<AssetClass, number>> = { crypto: 1, forex: 0.5, equities: 1.5 };

/** @param jumpDbps the step, of the first bar's close: 1 dbps = 0.001 % */
export function continuityClass(jumpDbps: number, threshold: number, assetClass: AssetClass): ContinuityClass {
  if (jumpDbps < 1) return "precision";
  if (jumpDbps < 10) return "noise";
  if (jumpDbps < 100) return "market-move";
  return jumpDbps < 2 * threshold * factorOf[assetClass] ? "microstructure" : "session-boundary";
}
