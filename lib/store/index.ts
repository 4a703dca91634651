export { barColumns, digestColumns } from "./columns.generated.ts";
export { checkpointFault, readCheckpoint, type CheckpointFault, type CheckpointPlace } from "./checkpoint-fault.ts";
export { commitUnits, type NewCoverage, type UnitCommit } from "./commit.ts";
export { holesOf, listSeries, unitsCovered, type CoveredUnit, type IdHole } from "./coverage.ts";
export { readDigestColumns } from "./digest.ts";
export { storeExists } from "./exists.ts";
export { serveStore, type ServedStore } from "./serve/index.ts";
export { fixedBlocks, type FixedBlock } from "./native-cut.ts";
export {
  readNative as decodeNative,
  readNativeBytes as decodeNativeBytes,
  type NativeBlock,
  type NativeCell,
} from "./native-decode.ts";
export { storeSettings } from "./settings.ts";
export { endOf, pinnedBars, pinnedCondition, pinPublished, type CoverageRow, type PinnedSegment } from "./snapshot.ts";
export { sqlInteger, sqlString } from "./sql/literal.ts";
export { openStore, type Store, type StoreSettings } from "./store.ts";
export { storeVersion } from "./version.ts";
export { openUnit, unitKey, type BuildFingerprint, type OpenUnit } from "./units.ts";
