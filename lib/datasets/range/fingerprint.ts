import type { Segmentation } from "../../model/segments.ts";
import { barVersion } from "../../native/index.ts";

/** What decides a build's bytes; a build keeps the fingerprint that it was opened with. */
export interface Fingerprint {
  /** The core's output version. */
  readonly barVersion: number;
  /** Which features are computed. Base bars and the ten microstructure columns are `base`. */
  readonly featureProfile: string;
  /** Resolution at which the opening trade's time is compared with the breaching trade's. */
  readonly gateUnitUs: number;
  readonly segmentation: Segmentation;
}

/** Times are compared as published: to the microsecond. */
const gateUnitUs = 1;

export function currentFingerprint(segmentation: Segmentation): Fingerprint {
  return { barVersion: barVersion(), featureProfile: "base", gateUnitUs, segmentation };
}
