import { statfsSync } from "node:fs";
import { hostname } from "node:os";
import type { Settings } from "../../config/index.ts";
import type { Heartbeat, Ledger, Refusal } from "../../ledger/index.ts";
import { formatBytes } from "../../model/format.ts";
import type { Finding } from "../finding.ts";
import { lasting } from "../incident-messages.ts";
import type { Examined } from "../look.ts";
import { attemptFindings } from "./attempt-findings.ts";
import { diskLeast, type IsWhole } from "./host-findings.ts";
import { missedFindings } from "./missed.ts";
import type { Part, PartLook } from "./part.ts";

/** A channel that has failed for so long is told of. */
const failingAfterMs = 3_600_000;

/** Those of jobs have their host as their place. */
const ownWrites: Examined = {
  kinds: ["store-write-failed"],
  subjects: "all",
  wouldSee: ({ place }) => place === undefined,
};

/** Writes to the store that failed, of attempts from this machine. */
export function writesPart(ledger: Ledger, isWhole: Promise<IsWhole>): Part {
  return {
    name: "writes",
    look: async (): Promise<PartLook> => {
      const findings = attemptFindings(ledger.attempts.lastFailed(), await isWhole);
      const note = findings.length === 0 ? "none failed" : `${findings.length} failed`;
      return { findings, examined: [ownWrites], note };
    },
  };
}

/** How messages get out. */
export function outboxPart(ledger: Ledger, { notify }: Pick<Settings, "notify">): Part {
  return {
    name: "outbox",
    look: async (): Promise<PartLook> => {
      const nowMs = ledger.clock.wallMs();
      const findings = notify.flatMap((name): Finding[] => {
        const { failingSinceMs, lastFailure = "", failures } = ledger.deliveries.channel(name);
        if (failingSinceMs === undefined || nowMs - failingSinceMs < failingAfterMs) return [];
        const summary = `nothing has gone out by ${name} for ${lasting(nowMs - failingSinceMs)}: ${lastFailure}`;
        const evidence = { failures: String(failures), last_failure: lastFailure };
        return [{ kind: "notify-failing", subject: "watch", place: name, verdict: "wrong", summary, evidence }];
      });
      const refused = notify.flatMap((name) => refusedFindings(name, ledger.deliveries.refusals(), nowMs));
      const waiting = ledger.outbox.pending();
      const off = notify.length === 0 ? "; sending is switched off" : "";
      return Promise.resolve({
        findings: [...findings, ...refused],
        examined: [{ kinds: ["notify-failing"], subjects: "all" }],
        note: `${waiting} messages wait${off}`,
      });
    },
  };
}

/** Messages that a channel has refused for themselves for too long: it takes others, so that nobody would hear of them. */
function refusedFindings(name: string, refusals: readonly Refusal[], nowMs: number): Finding[] {
  const late = refusals.filter(({ channel, sinceMs }) => channel === name && nowMs - sinceMs >= failingAfterMs);
  const [first] = late;
  if (first === undefined) return [];
  const { message, sinceMs, reason } = first;
  const others = late.length === 1 ? "" : ` and ${late.length - 1} more`;
  const summary = `${name} has refused message ${message}${others} for ${lasting(nowMs - sinceMs)}: ${reason}`;
  const evidence = { messages: late.map((one) => one.message).join(" "), last_failure: reason };
  return [
    { kind: "notify-failing", subject: "watch", place: `messages of ${name}`, verdict: "wrong", summary, evidence },
  ];
}

/** What is known of passes before this one. */
export interface EarlierPasses {
  readonly last: Heartbeat | undefined;
  /** How often a schedule is to run them, milliseconds; undefined where there is none. */
  readonly everyMs: number | undefined;
}

/** The watch itself: did it run when it was to, and has this machine room for what it keeps? */
export function selfPart(
  ledger: Ledger,
  { stateDirectory }: Pick<Settings, "stateDirectory">,
  { last, everyMs }: EarlierPasses,
): Part {
  return {
    name: "self",
    look: async (): Promise<PartLook> => {
      const { bavail, bsize } = statfsSync(stateDirectory);
      const free = bavail * bsize;
      const disk: Finding = {
        kind: "host-unsound",
        subject: "watch",
        place: "disk",
        verdict: "wrong",
        summary: `only ${formatBytes(free)} are left on the disk of ${stateDirectory}`,
        evidence: { left: formatBytes(free) },
      };
      return Promise.resolve({
        findings: [...missedFindings(last, ledger.clock, everyMs), ...(free < diskLeast ? [disk] : [])],
        examined: [
          { kinds: ["heartbeat-missed"], subjects: "all" },
          { kinds: ["host-unsound"], subjects: new Set(["watch"]) },
        ],
        note: `${formatBytes(free)} free on ${hostname()}`,
      });
    },
  };
}
