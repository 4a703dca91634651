export { barColumns, digestColumns } from "./columns.generated.ts";
export { lastCommits, type LastCommit } from "./last-commits.ts";
export { readCheckpoint, type CheckpointFault, type CheckpointPlace } from "./checkpoint-fault.ts";
export { commitUnits, type NewCoverage, type UnitCommit } from "./commit.ts";
export { holesOf, listSeries, unitsCovered, type CoveredUnit, type IdHole } from "./coverage.ts";
export { readDigestColumns } from "./digest.ts";
export { storeExists } from "./exists.ts";
export { barsMissing, lackingUnits } from "./lacking.ts";
export { storeIdOf } from "./identity.ts";
export { serveStore, type ServedStore } from "./serve/index.ts";
export { fixedBlocks, type FixedBlock } from "./native-cut.ts";
export {
  readNative as decodeNative,
  readNativeBytes as decodeNativeBytes,
  type NativeBlock,
  type NativeCell,
} from "./native-decode.ts";
export { storeSettings } from "./settings.ts";
export { sqlInteger, sqlString } from "./sql/literal.ts";
export { openStore, type Store, type StoreSettings } from "./store.ts";
export { storeVersion } from "./version.ts";
export {
  hasBoundaryOrphan,
  pinBuild,
  pinnedBars,
  pinnedCondition,
  pinPublished,
  type CoverageRow,
  type PinnedSegment,
} from "./snapshot.ts";
export {
  buildsOf,
  heldUnits,
  publishedBuilds,
  isSameFingerprint,
  pointerHistory,
  type BuildFingerprint,
  type BuildRecord,
} from "./builds.ts";
export { dropBuild, oldBuilds } from "./gc.ts";
export { findLeftovers, sweep } from "./sweep.ts";
export { planUndo, undoRebuild } from "./undo.ts";
export { movePointer, takePublishRight, type PublishRight } from "./publish.ts";
export { logRepairs, readRepairs, type LoggedRepair, type RepairRow, type UnitState } from "./repair-log.ts";
export { openRebuild } from "./rebuilds.ts";
export { storedRows } from "./row-counts.ts";
export { unitKey, type BuildKey } from "./unit-key.ts";
export { isLive, LeaseKeeper, leasesOf, releaseLeases, takeLease, type Lease, type LeaseState } from "./leases.ts";
export { openUnit, type OpenUnit, type UnitRequest } from "./units.ts";
export { outlineUnits, type OutlineBreak, type UnitOutline } from "./outline.ts";
export { builtDays, type BuiltDay } from "./built-days.ts";
export { intHash64, modulo64, sumBars, type BarSums } from "./bar-sums.ts";
export { breaksOfBars, type BarBreak } from "./bar-breaks.ts";
export { buildsMost, longBars, pairsMost, pairsOfBars, type BarPair, type LongBar } from "./bar-neighbours.ts";
export { lastCheckpoints, type LastCheckpoint } from "./last-checkpoints.ts";
export { featureFaults, type FeatureFaults } from "./feature-ranges.ts";
export { keepEngineLean } from "./embedded/lean-engine.ts";
export { openExistingStore, storeAbsent } from "./open-existing.ts";
