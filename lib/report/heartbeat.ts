import type { Heartbeat } from "../ledger/index.ts";
import { exitCodes, type ExitCode } from "../model/exit-codes.ts";
import { formatSeconds } from "../model/format.ts";
import type { Finding } from "../watch/finding.ts";
import type { HeartbeatReport } from "../watch/heartbeat/beat.ts";
import { utcMinute } from "../watch/incident-messages.ts";
import { findingEntry, findingLine } from "./findings.ts";
import { incidentLines, incidentDocument } from "./incidents.ts";

/** The answer of `heartbeat`: each part in a line, what was found, what is not over. */
export function heartbeatLines({
  parts,
  findings,
  incidents,
  delivery,
  elapsedMs,
  startedMs,
}: HeartbeatReport): string[] {
  const width = Math.max(...parts.map(({ name }) => name.length));
  const states = { well: "well    ", findings: "findings", unknown: "unknown " };
  const { sent, waiting, failures } = delivery;
  return [
    ...parts.map(({ name, state, note }) => `${name.padEnd(width)}  ${states[state]}  ${note}`),
    ...findings.map(findingLine),
    ...openLines(findings, incidents.live.length),
    ...(incidents.live.length === 0 ? [] : incidentLines(incidents.live, startedMs)),
    ...failures.map(({ channel, reason }) => `${channel}: ${reason}`),
    `${sent} messages sent, ${waiting} wait; looked at in ${formatSeconds(elapsedMs / 1000)}`,
  ];
}

/** Incidents that a pass which found nothing has not ended: other looks opened them, or an end has to be seen twice. */
function openLines(findings: readonly Finding[], live: number): string[] {
  if (findings.length > 0 || live === 0) return [];
  const what = live === 1 ? "1 incident is" : `${live} incidents are`;
  return [`this pass found nothing wrong; ${what} not over, so that not all is well:`];
}

/** The same as one document. */
export function heartbeatDocument(report: HeartbeatReport): Record<string, unknown> {
  const { startedMs, elapsedMs, result, parts, findings, incidents, delivery } = report;
  return {
    started: new Date(startedMs).toISOString(),
    elapsed_ms: elapsedMs,
    result,
    parts: parts.map(({ name, state, note, elapsedMs }) => ({ name, state, note, elapsed_ms: elapsedMs })),
    findings: findings.map(findingEntry),
    opened: incidents.opened.map(({ id }) => id),
    resolved: incidents.resolved.map(({ id }) => id),
    incidents: incidents.live.map(incidentDocument),
    delivery,
  };
}

/** What could not be looked at weighs more than what was found. */
export function heartbeatExitCode({ result }: HeartbeatReport): ExitCode {
  switch (result) {
    case "clean":
      return exitCodes.ok;
    case "findings":
      return exitCodes.findings;
    case "partial":
      return exitCodes.unavailable;
    default:
      return result satisfies never;
  }
}

/** The last pass, and those that were missed since. */
export function passLines(last: Heartbeat | undefined, missed: readonly Finding[]): string[] {
  if (last === undefined) return ["no pass was ever made from this state directory"];
  const end = last.endedMs === undefined ? "which did not come to its end" : `${last.result}`;
  return [`last pass ${utcMinute(last.startedMs)}: ${end}`, ...missed.map(({ summary }) => summary)];
}

/** The same for a program. */
export function passDocument(last: Heartbeat | undefined, missed: readonly Finding[]): Record<string, unknown> {
  return {
    last_pass: last === undefined ? null : new Date(last.startedMs).toISOString(),
    result: last?.result ?? null,
    missed: missed.map(({ evidence }) => Number(evidence["missed"])).at(0) ?? 0,
  };
}
