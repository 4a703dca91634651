import type { ChannelState, Incident, Message, Refusal, Withdrawal } from "../ledger/index.ts";
import { exitCodes, type ExitCode } from "../model/exit-codes.ts";
import { incidentRecord } from "../notify/incident-record.ts";
import type { WithdrawableMessage } from "../notify/withdraw.ts";
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

/** What `notify list` tells of. */
export interface OutboxView {
  readonly waiting: readonly Message[];
  /** Which of them a channel refuses for themselves. */
  readonly refusals: readonly Refusal[];
  /** Those that people gave up lately. */
  readonly withdrawn: readonly (Withdrawal & Pick<Message, "text">)[];
  readonly channels: readonly NamedChannel[];
}

/** The messages that wait or were withdrawn, and how the channels do. */
export function outboxLines({ waiting, refusals, withdrawn, channels }: OutboxView, nowMs: number): string[] {
  const messages = waiting.map(
    ({ id, kind, createdMs, text }) => `${id}  ${kind}  ${utcMinute(createdMs)}  ${firstLine(text)}`,
  );
  const states = channels.map(({ name, state }) => {
    if (state.failingSinceMs === undefined) return `${name}: well`;
    return `${name}: failing for ${lasting(nowMs - state.failingSinceMs)}, ${state.failures} times: ${state.lastFailure}`;
  });
  const refused = refusals.map(
    ({ message, channel, sinceMs, reason }) =>
      `${channel} has refused message ${message} for ${lasting(nowMs - sinceMs)}: ${reason}`,
  );
  const given = withdrawn.map(
    ({ message, atMs, by, text }) =>
      `message ${message} was withdrawn by ${by} at ${utcMinute(atMs)}: ${firstLine(text)}`,
  );
  const title = messages.length === 0 ? "no message waits" : `${messages.length} messages wait`;
  return [title, ...messages, ...refused, ...given, ...states];
}

/** The same for a program. */
export function outboxDocument({ waiting, refusals, withdrawn, channels }: OutboxView): Record<string, unknown> {
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
    withdrawn: withdrawn.map(({ message, atMs, by, text }) => ({ message, at: isoOf(atMs), by, text })),
    channels: channels.map(({ name, state }) => ({
      name,
      failures: state.failures,
      failing_since: isoOf(state.failingSinceMs),
      last_failure: state.lastFailure ?? null,
    })),
  };
}

/** What is given up, and what that changes nothing of. @param done or only planned */
export function withdrawalLines(messages: readonly WithdrawableMessage[], done: boolean): string[] {
  return messages.map(({ message, has, mayHave }) => {
    const { id, incidents } = message;
    const told = incidents.map((one) => `#${one}`).join(", ");
    return [
      `message ${id} ${done ? "is" : "would be"} withdrawn`,
      ...(has.length === 0 ? [] : [`${has.join(", ")} got it`]),
      ...(mayHave.length === 0 ? [] : [`${mayHave.join(", ")} may have got it`]),
      ...(incidents.length === 0 ? [] : [`what lasts of ${told} is said again when that is due`]),
    ].join("; ");
  });
}

/** The same for a program. */
export function withdrawalDocument(messages: readonly WithdrawableMessage[]): Record<string, unknown> {
  return {
    withdrawn: messages.map(({ message: { id, kind, text, incidents }, has, mayHave }) => ({
      id,
      kind,
      text,
      incidents,
      delivered_by: has,
      may_be_delivered_by: mayHave,
    })),
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
