import type { Segmentation } from "../../model/segments.ts";
import { barVersion } from "../../native/index.ts";
import type { BuildFingerprint } from "../../store/index.ts";

/** Times are compared as published: to the microsecond. */
const gateUnitUs = 1;

/** What the bars depend on that this program makes. */
export function currentFingerprint(segmentation: Segmentation): BuildFingerprint {
  return { barVersion: barVersion(), featureProfile: "base", gateUnitUs, segmentation };
}
