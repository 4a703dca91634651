import type { ProcessEnvironment, Registry, Settings } from "../config/index.ts";
import type { Ledger } from "../ledger/index.ts";
import type { SeriesId } from "../model/series.ts";
import type { Store } from "../store/index.ts";
import type { Finding } from "../watch/finding.ts";
import type { Gap } from "../watch/gap.ts";

/** Where a healing tells people and its service manager what happens. */
export interface HealListener {
  line(text: string): void;
  /** Something moved on: a day was read, a commit was made. */
  beat(): void;
}

/** What one look found. */
export interface GapLook {
  /** The series that were looked at. Of others, as those that nobody keeps, no gap is found, whatever has become of them. */
  readonly looked: ReadonlySet<SeriesId>;
  readonly gaps: readonly Gap[];
  /** What could not be looked at: where there is any, gaps may be missing. */
  readonly unknown: readonly Finding[];
}

/** Looks for gaps. @param series of these only; of all without it */
export type FindGaps = (signal: AbortSignal, series?: readonly SeriesId[]) => Promise<GapLook>;

/** What a pass works with; its clock is the ledger's. */
export interface HealContext {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly settings: Settings;
  readonly registry: Registry;
  readonly env: ProcessEnvironment;
  readonly findGaps: FindGaps;
  /** Stops behind the next commit. */
  readonly signal: AbortSignal;
  readonly listener: HealListener;
}
