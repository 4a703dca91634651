import { currentFingerprint } from "../lib/datasets/range/fingerprint.ts";
import type { Store } from "../lib/store/store.ts";

/** Publishes all that has coverage as the first build of its unit. */
export async function publishBuilds(store: Store): Promise<void> {
  const { barVersion, featureProfile, gateUnitUs, segmentation } = currentFingerprint("year");
  await store.command(`INSERT INTO barkeep.builds (series, segment, build, bar_version, feature_profile, gate_unit_us, segmentation,
  first_day, release, reason)
SELECT series, segment, 1, ${barVersion}, '${featureProfile}', ${gateUnitUs}, '${segmentation}', min(day), '0.1.0', 'first build'
FROM barkeep.coverage GROUP BY series, segment`);
  await store.command(`INSERT INTO barkeep.pointer (series, segment, build, seq, reason)
SELECT series, segment, 1, 1, 'first build' FROM barkeep.builds`);
}
