import type { Host } from "../../hosts/index.ts";
import { failed, ok, skipped, unknown, warning, type Finding } from "../finding.ts";

const name = "clock";
/** Days turn at midnight of the host's clock, and who reads two logs side by side trusts their times. */
const warnAboveMs = 1_000;
/** Leases are given up a minute after their last sign. */
const failAboveMs = 30_000;
const asks = 3;
const oddDate = "see which date is first on the account's path there";
const fix = "there: sudo timedatectl set-ntp true, or whatever sets its clock";

/** How far a host's clock is from this one, and how far off that may be. Positive: it is ahead. */
export interface Skew {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

/** Asks for the time between two looks at our own clock, a few times, and takes the tightest. */
export async function checkClock(host: Host, isThisMachine: boolean): Promise<Finding> {
  if (isThisMachine) return skipped(name, "this machine's own");
  let best: Skew | undefined;
  for (let i = 0; i < asks; i += 1) {
    const sentMs = Date.now();
    const { stdout } = await host.exec(["date", "-u", "+%s.%N"], { cwd: "/", timeoutMs: 10_000 });
    const skew = skewOf(stdout.trim(), sentMs, Date.now());
    if (skew === undefined) return unknown(name, `its date says "${stdout.trim().slice(0, 40)}"`, oddDate);
    if (best === undefined || skew.uncertaintyMs < best.uncertaintyMs) best = skew;
  }
  return best === undefined ? unknown(name, "it was not asked", fix) : judgeSkew(best);
}

/** @param text of `date +%s.%N`; a date without nanoseconds (macOS) prints a letter for them and is good for a second */
export function skewOf(text: string, sentMs: number, receivedMs: number): Skew | undefined {
  const match = /^(\d+)\.(?:(\d{9})|\w+)$/.exec(text);
  if (match === null) return undefined;
  const [, seconds, nanoseconds] = match;
  // A cut second was on average half a second later.
  const thereMs = Number(seconds) * 1000 + (nanoseconds === undefined ? 500 : Number(nanoseconds) / 1e6);
  const roundingMs = nanoseconds === undefined ? 500 : 0;
  return {
    offsetMs: thereMs - (sentMs + receivedMs) / 2,
    uncertaintyMs: (receivedMs - sentMs) / 2 + roundingMs,
  };
}

/** Only what is certain counts: a slow answer is no skew. */
export function judgeSkew({ offsetMs, uncertaintyMs }: Skew): Finding {
  const certainMs = Math.max(0, Math.abs(offsetMs) - uncertaintyMs);
  const margin = `± ${(uncertaintyMs / 1000).toFixed(3)} s`;
  const detail = `${(Math.abs(offsetMs) / 1000).toFixed(3)} s ${offsetMs < 0 ? "behind" : "ahead"}, ${margin}`;
  if (certainMs > failAboveMs) return failed(name, detail, fix);
  return certainMs > warnAboveMs ? warning(name, detail, fix) : ok(name, detail);
}
