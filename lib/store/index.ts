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
export { storeIdOf } from "./identity.ts";
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
export { openUnit, type BuildFingerprint, type OpenUnit } from "./units.ts";
