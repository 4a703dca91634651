export { barColumns, digestColumns } from "./columns.generated.ts";
export { commitUnits, type NewCoverage, type UnitCommit } from "./commit.ts";
export {
  holesOf,
  listSeries,
  readCoverage,
  unitsCovered,
  type CoveragePart,
  type CoveredUnit,
  type IdHole,
} from "./coverage.ts";
export { readDigestColumns } from "./digest.ts";
export { storeExists } from "./exists.ts";
export { serveStore, type ServedStore } from "./serve/index.ts";
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
export { pinBuild, pinnedBars, pinPublished, type CoverageRow, type PinnedSegment } from "./snapshot.ts";
export { type BuildFingerprint } from "./builds.ts";
export { LeaseKeeper, releaseLeases } from "./leases.ts";
export { openBuild, openUnit, type OpenUnit, type UnitRequest } from "./units.ts";
