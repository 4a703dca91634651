import type { Armed, RunEnd } from "./child.ts";

/** Work of the program that is killed and run again until it has ended. */
export interface Workload {
  readonly name: string;
  /** The registry its series are in. */
  readonly symbols: string;
  /** Fills a new state directory with what every cycle begins with; a cycle without it begins with nothing. */
  prepare?(state: string): Promise<void>;
  /**
   * Runs the work from wherever the state is, the process that is watched armed. What it throws is a violation: the program did
   * something that it must not do at any kill.
   */
  run(state: string, armed: Armed): Promise<RunEnd>;
  /** What readers see before a run has ended: the beginning of it, unless it replaces what was there whole. */
  readonly showsOldOrNew?: boolean;
  /** Did a run end as it should? With exit code 0, unless a workload says otherwise. */
  isGoodEnd?(end: RunEnd): boolean;
  /** Ends what runs beside the process that is watched; the check comes next. */
  settle?(state: string): Promise<void>;
  close?(): Promise<void>;
}

/** Makes a workload's inputs in a folder of its own. */
export type OpenWorkload = (name: string, folder: string) => Promise<Workload>;
