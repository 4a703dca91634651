export type { ChannelName } from "./channels.ts";
export type { AutoscaleSettings } from "./autoscale.ts";
export { readEnvironment, type Environment, type ProcessEnvironment } from "./environment.ts";
export { fleetHost, loadFleet, parseFleet, type Fleet, type FleetHost } from "./fleet.ts";
export type { QueueKind } from "./fleet-schema.ts";
export { listSettings, type SettingRow } from "./listing.ts";
export { projectRoot } from "./project-root.ts";
export { loadRegistry, parseRegistry, type Registry } from "./registry.ts";
export type { AssetClass, KnownGap, SymbolEntry, Transition } from "./registry-schema.ts";
export {
  settingDefinition,
  settingDefinitions,
  settingNames,
  symbolFloorPrefix,
  type SettingName,
} from "./setting-definitions.ts";
export type { SettingSource } from "./setting-source.ts";
export { loadSettings, type SettingFlags, type Settings, type SymbolGate } from "./settings.ts";
export {
  describeCandidate,
  findStore,
  storeCandidates,
  type StoreCandidate,
  type StoreMode,
  type TriedCandidate,
} from "./store-candidates.ts";
export { maskUrl } from "./store-url.ts";
export { admitSymbol, effectiveStart, isDeclaredBetween, isKnownGap } from "./symbols.ts";
export { checkThreshold, thresholdFloor, type ThresholdFloor } from "./thresholds.ts";
