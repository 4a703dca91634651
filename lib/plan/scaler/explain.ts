import { formatBytes } from "../../model/format.ts";
import { ledgerText } from "../ledger.ts";
import type { StallAverages } from "../proc.ts";
import type { Action, Decision } from "./decision.ts";
import type { HostReading } from "./reading.ts";

/** A decision as `--explain` prints it: the verdict, what was measured, every group, every action with its reason. */
export function explainDecision(decision: Decision): string[] {
  const { host, verdict, reason, reading, ledger, groups, actions, isAdmitting } = decision;
  return [
    `${host}: ${verdict}: ${reason}`,
    `  measured: ${measuredText(reading)}`,
    `  memory: ${ledger === undefined ? "unknown" : ledgerText(ledger)}; ${isAdmitting ? "admitting" : "not admitting"}`,
    ...groups.map(({ group, running, queued, from, to, reason }) => {
      const parallel = to === undefined || to === from ? `${from ?? "unknown"} stays` : `${from ?? "unknown"} → ${to}`;
      return `  ${group}: ${parallel} (${running} running, ${queued} queued): ${reason}`;
    }),
    ...actions.map((action) => `  → ${actionText(action)}`),
  ];
}

/** The same in one line: the verdict, its reason, what changes. */
export function decisionLine({ host, verdict, reason, actions }: Decision): string {
  return [`${host}: ${verdict}: ${reason}`, ...actions.map(shortText)].join("; ");
}

function shortText(action: Action): string {
  switch (action.action) {
    case "set parallel":
      return `${action.group} ${action.from} → ${action.to}`;
    case "hold group":
      return `hold ${action.group}`;
    case "let group go":
      return `let ${action.group} go`;
    case "stop at commit":
    case "kill":
      return `${action.action}: ${action.unit}`;
    case "stop admitting":
    case "admit again":
      return action.action;
    default:
      return action satisfies never;
  }
}

/** What is done, in the words of a person. */
function actionText(action: Action): string {
  switch (action.action) {
    case "set parallel":
      return `set ${action.group} from ${action.from} to ${action.to}: ${action.reason}`;
    case "stop admitting":
    case "admit again":
      return `${action.action}: ${action.reason}`;
    case "hold group":
      return `hold ${action.group}, which starts nothing until it is let go: ${action.reason}`;
    case "let group go":
      return `let ${action.group} go, ${action.parallel} at once: ${action.reason}`;
    case "stop at commit":
      return `stop ${action.unit} at its next commit and queue it again: ${action.reason}`;
    case "kill":
      return `kill ${action.unit} and queue it again: ${action.reason}`;
    default:
      return action satisfies never;
  }
}

function measuredText({ pressure, memory, load, cores }: HostReading): string {
  const parts = [
    ...(pressure === undefined ? ["pressure unknown"] : []),
    ...(pressure === "none" ? ["no pressure information in this kernel"] : []),
    ...(typeof pressure === "object"
      ? [
          `cpu ${stallText(pressure.cpu.some)}`,
          `memory ${stallText(pressure.memory.some)}`,
          `io ${stallText(pressure.io.some)}`,
        ]
      : []),
    memory === undefined
      ? "memory unknown"
      : `${formatBytes(memory.availableBytes)} of ${formatBytes(memory.totalBytes)} available`,
    load === undefined ? "load unknown" : `load ${load.one} on ${cores ?? "unknown"} cores`,
  ];
  return parts.join(", ");
}

function stallText({ avg10, avg60 }: StallAverages): string {
  return `some ${avg10} % in 10 s, ${avg60} % in 60 s`;
}

/** The same as one document, and as the journal keeps it. What is not known is null. */
export function decisionDocument(decision: Decision): Record<string, unknown> {
  const { host, atMs, verdict, reason, isAdmitting, lookAgainMs, ledger, groups, actions, reading } = decision;
  return {
    host,
    at_ms: atMs,
    verdict,
    reason,
    admitting: isAdmitting,
    look_again_ms: lookAgainMs,
    ledger: ledger === undefined ? null : ledgerDocument(ledger),
    groups: groups.map(({ group, running, queued, from, to, reason }) => {
      return { group, running, queued, from: from ?? null, to: to ?? null, reason };
    }),
    actions,
    measured: measuredDocument(reading),
  };
}

function ledgerDocument({ budgetBytes, reservedBytes, freeBytes }: NonNullable<Decision["ledger"]>): object {
  return { budget_bytes: budgetBytes, reserved_bytes: reservedBytes, free_bytes: freeBytes };
}

function measuredDocument({ readAtMs, lost, cores, load, memory, pressure, jobsMax }: HostReading): object {
  return {
    read_at_ms: readAtMs,
    lost: lost ?? null,
    cores: cores ?? null,
    load: load ?? null,
    total_bytes: memory?.totalBytes ?? null,
    available_bytes: memory?.availableBytes ?? null,
    pressure: pressure ?? null,
    jobs_max: jobsMax,
  };
}
