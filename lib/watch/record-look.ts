import { hostname } from "node:os";
import type { Alert, Incident, Ledger, Severity } from "../ledger/index.ts";
import { openedText, reminderText, resolvedText } from "./incident-messages.ts";
import { fingerprintOf } from "./finding.ts";
import { afterLook, isEndedSince, isGradeOf } from "./incident-rules.ts";
import type { Look, LookStart } from "./look.ts";

/** What a look came to. */
export interface RecordedLook {
  readonly opened: readonly Incident[];
  readonly reminded: readonly Incident[];
  readonly resolved: readonly Incident[];
  /** All that are not over, said or not. */
  readonly live: readonly Incident[];
}

/**
 * Makes incidents of what was found and ends those that are over; what is to be said of it goes into the outbox in the same
 * transaction, one message for all that is new, one for all that is over, one for all that is said again.
 * @throws what the ledger throws; then nothing has changed
 */
export function recordLook(ledger: Ledger, look: Look): RecordedLook {
  return ledger.transaction(() => {
    const { incidents, outbox, clock } = ledger;
    const nowMs = clock.wallMs();
    const said: Record<"opened" | "reminder" | "resolved", number[]> = { opened: [], reminder: [], resolved: [] };
    for (const { before, after, say } of afterLook(incidents.live(), look, nowMs, endedSince(incidents, look))) {
      const id = before?.id ?? incidents.add(after);
      if (before !== undefined) incidents.change(before, after, look.source);
      if (say !== undefined) said[say].push(id);
    }
    const byIds = (ids: readonly number[]): Incident[] => ids.flatMap((id) => incidents.byId(id) ?? []);
    const live = incidents.live();
    const result = {
      opened: byIds(said.opened),
      reminded: byIds(said.reminder),
      resolved: byIds(said.resolved),
      live,
    };
    const host = hostname();
    if (result.opened.length > 0) {
      outbox.enqueue(alertOf("opened", result.opened, openedText(result.opened, hiddenCounts(live), host)));
    }
    if (result.resolved.length > 0) {
      outbox.enqueue({
        ...alertOf("resolved", result.resolved, resolvedText(result.resolved, milderOf(result.resolved, live), host)),
        severity: "info",
      });
    }
    if (result.reminded.length > 0) {
      // One that waits says less than is true by now, and may tell of others that nobody has heard of again.
      const waiting = new Set(outbox.waitingFor(reminderFingerprint)?.incidents);
      const others = live.filter((one) => waiting.has(one.id) && !said.reminder.includes(one.id) && isTold(one));
      const all = [...result.reminded, ...others];
      outbox.replace({
        ...alertOf("reminder", all, reminderText(all, host, nowMs)),
        fingerprint: reminderFingerprint,
      });
    }
    return result;
  });
}

/** How incidents stand as a look begins, for {@link Look.start}. @throws what the ledger throws */
export function startLook({ incidents }: Pick<Ledger, "incidents">): LookStart {
  const live = incidents.live().map((one) => [one.fingerprint, one] as const);
  return { live: new Map(live), newestId: incidents.last(1)[0]?.id ?? 0 };
}

/** Fingerprints of what the look found and another one has found to be over since it began. */
function endedSince(incidents: Ledger["incidents"], look: Look): ReadonlySet<string> {
  const newest = look.findings.flatMap((finding) => incidents.byFingerprint(fingerprintOf(finding)) ?? []);
  const ended = newest.filter((one) => one.state === "resolved" && isEndedSince(one, look));
  return new Set(ended.map(({ fingerprint }) => fingerprint));
}

const reminderFingerprint = "incidents reminder";

/** Whether people are to hear of it: not acked, not snoozed, not explained by another. */
function isTold({ state, hiddenBy }: Incident): boolean {
  return state === "open" && hiddenBy === undefined;
}

function alertOf(kind: "opened" | "reminder" | "resolved", incidents: readonly Incident[], text: string): Alert {
  const ids = incidents.map(({ id }) => id);
  return { fingerprint: `incidents ${kind} ${ids.join(" ")}`, severity: worst(incidents), text, kind, incidents: ids };
}

function worst(incidents: readonly Incident[]): Severity {
  const all = new Set(incidents.map(({ severity }) => severity));
  return all.has("critical") ? "critical" : all.has("warning") ? "warning" : "info";
}

/** What is left of incidents that are over, by their numbers: it has got better, and is not well. */
function milderOf(resolved: readonly Incident[], live: readonly Incident[]): ReadonlyMap<number, Incident> {
  return new Map(
    resolved.flatMap((worse) => {
      const milder = live.find((one) => isGradeOf(one, worse));
      return milder === undefined ? [] : [[worse.id, milder] as const];
    }),
  );
}

/** How many each of them explains. */
function hiddenCounts(live: readonly Incident[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { hiddenBy } of live) if (hiddenBy !== undefined) counts.set(hiddenBy, (counts.get(hiddenBy) ?? 0) + 1);
  return counts;
}
