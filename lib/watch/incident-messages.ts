import type { Incident } from "../ledger/index.ts";
import { endReason } from "./incident-rules.ts";
import { findingKinds, asFindingKind, runbookOf } from "./kinds.ts";

const shownMost = 12;

/** What is said of incidents that are new: one message for all of them. @param hidden how many they explain, by fingerprint */
export function openedText(incidents: readonly Incident[], hidden: ReadonlyMap<string, number>, host: string): string {
  return grouped(`${mark(incidents)} ${things(incidents.length)} wrong on ${host}`, incidents, (one) => [
    ...lines(one),
    ...hiddenLine(hidden.get(one.fingerprint) ?? 0),
  ]);
}

/** What is said again of incidents that are not over. @param nowMs for how long they have lasted */
export function reminderText(incidents: readonly Incident[], host: string, nowMs: number): string {
  const title = `${mark(incidents)} ${incidents.length === 1 ? "Still wrong" : `${incidents.length} things are still wrong`} on ${host}`;
  return grouped(title, incidents, (one) => [
    ...lines(one),
    `  since ${utcMinute(one.firstSeenMs)}, ${lasting(nowMs - one.firstSeenMs)}`,
  ]);
}

/** What is said of incidents that are over. @param left milder ones that some of them have become, by their numbers */
export function resolvedText(
  incidents: readonly Incident[],
  left: ReadonlyMap<number, Incident>,
  host: string,
): string {
  const title = `✅ ${incidents.length === 1 ? "Over" : `${incidents.length} things are over`} on ${host}`;
  const say = (one: Incident): string[] => [
    `#${one.id} ${nameOf(one)}: ${titleOf(one)}`,
    `  lasted ${lasting((one.resolvedMs ?? one.lastSeenMs) - one.firstSeenMs)}`,
    ...reasonLine(one),
    ...leftLine(left.get(one.id)),
  ];
  return grouped(title, incidents, say, "barkeep incidents --past");
}

/** `BTCUSDT@250, 2024-03-01`: what it is about. */
export function nameOf({ subject, place }: { readonly subject: string; readonly place?: string | undefined }): string {
  return place === undefined ? subject : `${subject}, ${place}`;
}

/** What its kind is called. */
export function titleOf({ kind }: Pick<Incident, "kind">): string {
  const known = asFindingKind(kind);
  return known === undefined ? kind : findingKinds[known].title;
}

/** `2024-03-05 09:15 UTC` */
export function utcMinute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** `25 min`, `3 h 5 min`, `2 d 4 h` */
export function lasting(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Where to read on: the page's section, and the command that explains it. */
export function whereToLook({ id, kind }: Pick<Incident, "id" | "kind">): string {
  const known = asFindingKind(kind);
  const command = `barkeep explain ${id}`;
  return known === undefined ? command : `${command} · ${runbookOf(known)}`;
}

function lines(incident: Incident): string[] {
  const doubt = incident.verdict === "unknown" ? " (unknown)" : "";
  return [
    `#${incident.id} ${nameOf(incident)}: ${titleOf(incident)}${doubt}`,
    `  ${incident.summary}`,
    `  ${whereToLook(incident)}`,
  ];
}

function hiddenLine(count: number): string[] {
  return count === 0
    ? []
    : [`  explains ${count} ${count === 1 ? "other" : "others"} that ${count === 1 ? "is" : "are"} not said`];
}

function reasonLine({ evidence }: Incident): string[] {
  const why = evidence[endReason];
  return why === undefined ? [] : [`  ${why}`];
}

function leftLine(left: Incident | undefined): string[] {
  return left === undefined ? [] : [`  it has got better and is not well: #${left.id} ${titleOf(left)}`];
}

/** The worst first; so many in full, then how many more, and the command that lists them. */
function grouped(
  title: string,
  incidents: readonly Incident[],
  say: (one: Incident) => string[],
  listedBy = "barkeep incidents",
): string {
  const shown = incidents.toSorted((a, b) => rank(a) - rank(b) || a.id - b.id).slice(0, shownMost);
  const more = incidents.length - shown.length;
  return [title, ...shown.flatMap(say), ...(more === 0 ? [] : [`and ${more} more: ${listedBy}`])].join("\n");
}

function rank({ severity }: Incident): number {
  return ["critical", "warning", "info"].indexOf(severity);
}

function mark(incidents: readonly Incident[]): string {
  return incidents.some(({ severity }) => severity === "critical") ? "🔴" : "🟠";
}

function things(count: number): string {
  return count === 1 ? "Something is" : `${count} things are`;
}
