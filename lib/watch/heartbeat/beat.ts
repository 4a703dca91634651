import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessEnvironment, Settings } from "../../config/index.ts";
import type { HeartbeatResult, Ledger } from "../../ledger/index.ts";
import { deliver, type DeliveryReport } from "../../notify/deliver.ts";
import { deletePassed } from "../../notify/ephemeral.ts";
import { noteChannels } from "../../notify/heartbeat-channels.ts";
import type { OpenChannels } from "../../notify/open-channels.ts";
import { takeUpdates } from "../../notify/updates.ts";
import { formatSeconds } from "../../model/format.ts";
import { explainIncident } from "../explain-incident.ts";
import type { Finding } from "../finding.ts";
import type { Examined } from "../look.ts";
import { recordLook, startLook, type RecordedLook } from "../record-look.ts";
import { hostsPart } from "./hosts-part.ts";
import { outboxPart, selfPart, writesPart, type EarlierPasses } from "./own-parts.ts";
import { runParts, type PartResult } from "./part.ts";
import { seriesPart } from "./series-part.ts";

/** How long the green message stays; as long a pass stays for the buttons under a red one. */
export const greenLastsMs = 2 * 60_000;
/** Of a pass's time, how much of it other parts wait for what is known of series. */
const waitShare = 0.8;
/** And how much of it archives may take. */
const archiveShare = 0.4;
const greenFingerprint = "heartbeat green";

/** What a pass works with. */
export interface HeartbeatRequest {
  readonly settings: Settings;
  readonly env: ProcessEnvironment;
  readonly ledger: Ledger;
  readonly open: OpenChannels;
  /** For all parts together, milliseconds. */
  readonly budgetMs: number;
  /** How often it is to run, milliseconds; undefined where nobody has it run by a schedule. */
  readonly everyMs: number | undefined;
  readonly signal: AbortSignal;
  /** Told of what matters to nobody but the log. */
  readonly log: (line: string) => void;
}

/** What a pass came to. */
export interface HeartbeatReport {
  readonly startedMs: number;
  readonly elapsedMs: number;
  readonly result: HeartbeatResult;
  readonly parts: readonly PartResult[];
  readonly findings: readonly Finding[];
  readonly incidents: RecordedLook;
  readonly delivery: DeliveryReport;
}

/** The parts have looked at all there is: whoever is not in the findings is well. */
const ownExamined: readonly Examined[] = [{ kinds: ["heartbeat-partial"], subjects: "all" }];

/**
 * One pass: looks at everything within its time, makes incidents of what it finds, sends what is to be said, and pings the dead-man's
 * switch, for which a pass is a success when it could look at everything, whatever it found.
 * @throws what the ledger throws: nothing can be kept then
 */
export async function beat(request: HeartbeatRequest): Promise<HeartbeatReport> {
  const pinged = request.open.ping?.start();
  try {
    return await lookAndSay(request, pinged);
  } finally {
    // Whoever pings behind it, in this pass or past the ledger: a start that arrives after its end looks like a run that never ended.
    await pinged;
  }
}

async function lookAndSay(
  request: HeartbeatRequest,
  pinged: Promise<string | undefined> | undefined,
): Promise<HeartbeatReport> {
  const { ledger, open, everyMs, signal, log } = request;
  const startedMs = ledger.clock.wallMs();
  const startMs = performance.now();
  const tell = (problem: string | undefined): void => {
    if (problem !== undefined) log(problem);
  };
  const before = { last: ledger.heartbeats.last(), everyMs: ledger.heartbeats.everyMs() };
  const pass = ledger.heartbeats.start(everyMs);
  noteChannels(ledger, open.channels);
  const start = startLook(ledger);
  tell(await obeyButtons(request));
  const parts = await runParts(partsOf(request, before), request.budgetMs, signal, log);
  signal.throwIfAborted();
  const findings = parts.flatMap((part) => part.findings);
  const examined = [...parts.flatMap((part) => part.examined), ...ownExamined];
  const ends = new Map(parts.flatMap((part) => [...(part.ends ?? [])]));
  const incidents = ledger.transaction(() => {
    const recorded = recordLook(ledger, { source: "heartbeat", start, findings, examined, ends });
    // An earlier one that still waits is not true any more.
    ledger.outbox.giveUp(greenFingerprint);
    const isWell = findings.length === 0 && recorded.live.length === 0 && recorded.resolved.length === 0;
    if (isWell && open.channels.length > 0) sayGreen(ledger, parts, performance.now() - startMs);
    return recorded;
  });
  const result = resultOf(findings);
  ledger.heartbeats.end(pass, result);
  const delivery = await deliver(ledger, open.channels, signal);
  if (open.telegram !== undefined) await deletePassed(ledger, open.telegram);
  const text = parts.map(({ name, state, note }) => `${name}: ${state}, ${note}`).join("\n");
  if (open.ping !== undefined) {
    const startProblem = await pinged;
    const endProblem = await (result === "partial" ? open.ping.fail(text) : open.ping.success(text));
    const problem = startProblem ?? endProblem;
    tell(problem);
    if (problem === undefined) ledger.deliveries.reached(open.ping.name);
    else ledger.deliveries.missed(open.ping.name, problem);
  }
  return {
    startedMs,
    elapsedMs: Math.round(performance.now() - startMs),
    result,
    parts,
    findings,
    incidents,
    delivery,
  };
}

function partsOf(
  { settings, env, ledger, budgetMs }: HeartbeatRequest,
  before: EarlierPasses,
): Parameters<typeof runParts>[0] {
  const series = seriesPart(settings, env, ledger, budgetMs * archiveShare);
  // A look at series that takes all the time takes none from the others: what is whole is not known to them then.
  const isWhole = Promise.race([series.isWhole, sleep(budgetMs * waitShare, () => undefined, { ref: false })]);
  return [
    series,
    hostsPart(settings, ledger, isWhole),
    writesPart(ledger, isWhole),
    outboxPart(ledger, settings),
    selfPart(ledger, settings, before),
  ];
}

/** What was pressed since the last pass counts before this one says anything. */
async function obeyButtons({ ledger, open, signal }: HeartbeatRequest): Promise<string | undefined> {
  if (open.telegram === undefined) return undefined;
  const explain = (incident: Parameters<typeof explainIncident>[0]): string =>
    explainIncident(incident, ledger).join("\n");
  const problem = await takeUpdates(ledger, open.telegram, explain, 0, signal);
  return problem === undefined ? undefined : `telegram: ${problem}`;
}

function resultOf(findings: readonly Finding[]): HeartbeatResult {
  if (findings.some(({ verdict }) => verdict === "unknown")) return "partial";
  return findings.length > 0 ? "findings" : "clean";
}

/** Says that all is well. */
function sayGreen(ledger: Ledger, parts: readonly PartResult[], elapsedMs: number): void {
  ledger.outbox.enqueue({
    fingerprint: greenFingerprint,
    severity: "info",
    kind: "green",
    lastsMs: greenLastsMs,
    text: [
      `✅ All is well on ${hostname()}`,
      ...parts.map(({ name, note }) => `${name}: ${note}`),
      `looked at in ${formatSeconds(elapsedMs / 1000)}; this message goes in two minutes`,
    ].join("\n"),
  });
}
