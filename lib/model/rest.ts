import { setTimeout as sleep } from "node:timers/promises";

/** Waits so long, or until it is told to end. @returns false where it was told to */
export async function rest(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
