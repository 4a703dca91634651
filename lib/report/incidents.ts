import type { ChannelState, Incident, Message, Refusal } from "../ledger/index.ts";
import { exitCodes, type ExitCode } from "../model/exit-codes.ts";
import { incidentRecord } from "../notify/incident-record.ts";
import { lasting, nameOf, titleOf, utcMinute } from "../watch/incident-messages.ts";
import { asFindingKind, runbookOf } from "../watch/kinds.ts";
import { textTable } from "./text-table.ts";

/** A table of incidents. */
export function incidentLines(incidents: readonly Incident[], nowMs: number): string[] {
  if (incidents.length === 0) return ["nothing is wrong that is known of"];
  return textTable(
    [{ title: "no", align: "right" }, { title: "state" }, { title: "severity" }, { title: "since" }, { title: "what" }],
    incidents.map((one) => [
      String(one.id),
      one.hiddenBy === undefined ? one.state : `${one.state}, explained`,
      one.verdict === "unknown" ? `${one.severity}, unknown` : one.severity,
      lasting((one.resolvedMs ?? nowMs) - one.firstSeenMs),
      `${nameOf(one)}: ${titleOf(one)}`,
    ]),
  );
}

/** Whether any of them is said to be wrong, or not to be known: over ones are not, nor those that were found too seldom to be said. */
export function incidentsExitCode(incidents: readonly Incident[]): ExitCode {
  const isAny = incidents.some(({ state }) => state !== "resolved" && state !== "pending");
  return isAny ? exitCodes.findings : exitCodes.ok;
}

/** An incident for a program, with what there is to do and what was said of it. */
export function incidentDocument(one: Incident): Record<string, unknown> {
  const kind = asFindingKind(one.kind);
  return {
    ...incidentRecord(one),
    last_said_at: isoOf(one.saidMs),
    quiet_until: isoOf(one.quietUntilMs),
    explained_by: one.hiddenBy ?? null,
    runbook: kind === undefined ? null : runbookOf(kind),
  };
}

/** A channel with how it does. */
export interface NamedChannel {
  readonly name: string;
  readonly state: ChannelState;
}

/** The messages that wait, which of them a channel refuses for themselves, and how the channels do. */
export function outboxLines(
  waiting: readonly Message[],
  refusals: readonly Refusal[],
  channels: readonly NamedChannel[],
  nowMs: number,
): string[] {
  const messages = waiting.map(
    ({ id, kind, createdMs, text }) => `${id}  ${kind}  ${utcMinute(createdMs)}  ${text.split("\n", 1)[0] ?? ""}`,
  );
  const states = channels.map(({ name, state }) => {
    if (state.failingSinceMs === undefined) return `${name}: well`;
    return `${name}: failing for ${lasting(nowMs - state.failingSinceMs)}, ${state.failures} times: ${state.lastFailure}`;
  });
  const refused = refusals.map(
    ({ message, channel, sinceMs, reason }) =>
      `${channel} has refused message ${message} for ${lasting(nowMs - sinceMs)}: ${reason}`,
  );
  const title = messages.length === 0 ? "no message waits" : `${messages.length} messages wait`;
  return [title, ...messages, ...refused, ...states];
}

/** The same for a program. */
export function outboxDocument(
  waiting: readonly Message[],
  refusals: readonly Refusal[],
  channels: readonly NamedChannel[],
): Record<string, unknown> {
  return {
    waiting: waiting.map(({ id, kind, severity, createdMs, text, incidents }) => ({
      id,
      kind,
      severity,
      created: isoOf(createdMs),
      text,
      incidents,
    })),
    refused: refusals.map(({ message, channel, sinceMs, reason }) => ({
      message,
      channel,
      since: isoOf(sinceMs),
      reason,
    })),
    channels: channels.map(({ name, state }) => ({
      name,
      failures: state.failures,
      failing_since: isoOf(state.failingSinceMs),
      last_failure: state.lastFailure ?? null,
    })),
  };
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
