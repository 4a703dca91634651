import type { Severity } from "../ledger/index.ts";
import type { FindingKind } from "./finding.ts";
import { kindsOfGaps } from "./gap.ts";

/** How far an incident explains others, which are then kept and not said. */
type Reach =
  /** Those of the same host. */
  | "host"
  /** Those of the same market that could not be looked at. */
  | "market"
  /** All that could not be looked at. */
  | "everywhere";

/** What there is to know of a kind of finding; docs/alerts.md is made of this. */
export interface KindDefinition {
  readonly severity: Severity;
  readonly title: string;
  readonly meaning: string;
  readonly whatToDo: string;
  /** What it explains. */
  readonly hides?: { readonly kinds: readonly FindingKind[]; readonly reach: Reach };
  /** What of the same subject nobody knows either where this could not be looked at as a whole, without a place. */
  readonly doubts?: readonly FindingKind[];
  /** What it becomes when it gets worse, of the same subject and place. */
  readonly worsensTo?: FindingKind;
  /** Looks in a row that must find it before it is said; one unless it comes and goes by itself. */
  readonly opensAfter: number;
  /** Looks in a row that must not find it before it counts as over. */
  readonly closesAfter: number;
}

/** One for each kind of gap. */
export const gapKinds: readonly FindingKind[] = kindsOfGaps.map((kind) => `gap-${kind}` as const);

const seriesKinds: readonly FindingKind[] = [
  ...gapKinds,
  "series-not-fresh",
  "series-dead",
  "duration-anomaly",
  "price-jump",
  "sum-overflow",
  "checkpoint-differs",
  "store-differs",
];

const atOnce = { opensAfter: 1, closesAfter: 1 } as const;
/** What comes and goes by itself: an end is believed when it was seen twice. */
const unsteady = { opensAfter: 1, closesAfter: 2 } as const;
/** What is often over by the next look. */
const passing = { opensAfter: 2, closesAfter: 2 } as const;

const heal = "`barkeep heal` builds it; `barkeep heal --dry-run` says how, and `barkeep explain` names the unit.";
const populate = "`barkeep populate --symbol SYMBOL --threshold DBPS`";
const behindTheEnd = `${heal} By hand: ${populate}.`;
/** Nobody writes beside bars that exist. */
const insideUnits = `${heal} By hand: ${populate} where nothing of the unit is built, else`;

export const findingKinds: Readonly<Record<FindingKind, KindDefinition>> = {
  "gap-leading": {
    severity: "warning",
    title: "days are missing at the start of a series",
    meaning: "The registry expects the series from a day on, and its coverage begins later.",
    whatToDo: `${insideUnits} \`barkeep rebuild UNIT --start-date DAY --reason TEXT\`. No heal looks at a pair of which nothing was ever built and that was only asked for by name.`,
    ...atOnce,
  },
  "gap-interior": {
    severity: "critical",
    title: "there is a hole in a series",
    meaning: "Aggregate-trade ids between two covered days are not covered, and no declared hole explains them.",
    whatToDo: `${insideUnits} \`barkeep rebuild UNIT --reason TEXT\`. Where the exchange never had them, declare the hole in symbols.toml.`,
    ...atOnce,
  },
  "gap-trailing": {
    severity: "warning",
    title: "days are missing at the end of a series",
    meaning: "The archive has days behind the last one that is covered.",
    whatToDo: behindTheEnd,
    ...atOnce,
  },
  "gap-overlap": {
    severity: "critical",
    title: "ids are covered twice",
    meaning: "Two coverage rows of one build claim the same aggregate-trade ids, so that bars stand there twice.",
    whatToDo:
      "`barkeep rebuild UNIT --reason TEXT` makes the unit anew beside what readers see, and publishes it when it is right.",
    ...atOnce,
  },
  "gap-stale": {
    severity: "warning",
    title: "a unit was built by other rules than this release's",
    meaning: "Its build has another bar version, feature profile or gate than this program makes; its bars are whole.",
    whatToDo: "`barkeep rebuild` of the unit; what is there stays readable until the new build is published.",
    ...atOnce,
  },
  "gap-revised": {
    severity: "warning",
    title: "the archive has changed a day",
    meaning: "The archive holds another revision of a day than the one that was fetched.",
    whatToDo: "`barkeep rebuild` of the unit; what is there stays readable until the new build is published.",
    ...atOnce,
  },
  "gap-unknown": {
    severity: "warning",
    title: "a series could not be looked at",
    meaning:
      "Nobody could prove that the series is whole, nor that it is not: the store or the archive gave no answer.",
    whatToDo: "Look at the reason it names; `barkeep doctor` tries every part.",
    doubts: ["gap-leading", "gap-trailing"],
    ...passing,
  },
  "series-not-fresh": {
    severity: "warning",
    title: "a series is older than it may be",
    meaning: "The last trade of the series is older than its objective in the registry allows.",
    whatToDo: `${behindTheEnd} Where the archive itself is late, it ends by itself.`,
    worsensTo: "series-dead",
    ...unsteady,
  },
  "series-dead": {
    severity: "critical",
    title: "a series has stopped",
    meaning: "A maintained series has had no new day for many times its objective.",
    whatToDo: "If the exchange has delisted the symbol, say so in symbols.toml; else populate it.",
    ...atOnce,
  },
  "duration-anomaly": {
    severity: "info",
    title: "a bar lasts unusually long",
    meaning: "A bar spans more hours than its series' bars do, and its ids do not prove that nothing was traded.",
    whatToDo: "`barkeep verify` of the series says whether ids are missing; a slow market is no gap.",
    ...atOnce,
  },
  "price-jump": {
    severity: "info",
    title: "the price jumps between two bars",
    meaning: "A bar opens further from the close before it than its threshold explains.",
    whatToDo: "`barkeep verify` of the series says whether ids are missing between the two.",
    ...atOnce,
  },
  "sum-overflow": {
    severity: "critical",
    title: "a sum of a bar is negative or too large",
    meaning: "Volume or turnover of a bar cannot be: a counter has overflowed.",
    whatToDo: "`barkeep rebuild UNIT --reason TEXT` with this release; report it where it stays.",
    ...atOnce,
  },
  "checkpoint-differs": {
    severity: "critical",
    title: "a checkpoint does not fit what is stored",
    meaning:
      "The last commit's checkpoint, its coverage and its bars do not agree, so that going on from it could go wrong.",
    whatToDo: "`barkeep verify` of the series names the unit; `barkeep rebuild UNIT --reason TEXT` makes it anew.",
    ...atOnce,
  },
  "store-differs": {
    severity: "critical",
    title: "the store lacks what it once had",
    meaning: "Coverage that the ledger has seen in the store is gone from there, is another now, or is there twice.",
    whatToDo:
      "`barkeep ledger sync` says what. It is over when the store has it again (docs/durability.md), when the same bars are there again or a newer build is published in the place of what was damaged (`barkeep heal`, or `barkeep rebuild UNIT --reason TEXT`), or when somebody accepts the loss: `barkeep ledger accept --reason TEXT`.",
    ...atOnce,
  },
  "store-unreachable": {
    severity: "critical",
    title: "the store does not answer",
    meaning: "No question about bars or coverage can be answered, so that nothing is known to be clean.",
    whatToDo: "Start ClickHouse, or correct CLICKHOUSE_URL. `barkeep store find` tries every place.",
    hides: { kinds: [...seriesKinds, "job-failed", "job-quarantined", "store-write-failed"], reach: "everywhere" },
    ...unsteady,
  },
  "store-write-failed": {
    severity: "critical",
    title: "a write to the store has failed",
    meaning:
      "An attempt ended because the store did not take its bars. Nothing was committed by halves; the days are missing.",
    whatToDo:
      "Look at the reason (a full disk, memory, a server that went away), then `barkeep retry` or `barkeep populate`.",
    ...atOnce,
  },
  "host-unreachable": {
    severity: "critical",
    title: "a host does not answer",
    meaning: "Over SSH the host does not answer, or its queue does not. Its jobs may well run.",
    whatToDo: "`barkeep doctor --host NAME` tries every prerequisite and names the command that helps.",
    hides: {
      kinds: ["host-unsound", "service-failed", "group-paused", "job-failed", "job-quarantined", "store-write-failed"],
      reach: "host",
    },
    doubts: ["host-unsound", "service-failed", "group-paused"],
    ...unsteady,
  },
  "host-unsound": {
    severity: "warning",
    title: "a host is short of memory or disk, or its queue does not get on",
    meaning:
      "The host answers, and has less left than its jobs may need; or more than 50 jobs wait there, or one runs for more than four hours.",
    whatToDo: "`barkeep status --host NAME` shows what runs; free some space, drain the host, or give it more places.",
    ...unsteady,
  },
  "service-failed": {
    severity: "warning",
    title: "a service of a host does not run",
    meaning:
      "A service that is installed on the host, or that fleet.toml names for it, has failed, has stopped, or is not there: jobs are not scaled, gaps not healed, or bars not proven until it runs.",
    whatToDo:
      "`barkeep services status --host NAME` says with what; on the host `journalctl --user -u UNIT` has its words. `barkeep services install SERVICE --host NAME` installs it anew.",
    doubts: ["service-failed"],
    ...passing,
  },
  "group-paused": {
    severity: "warning",
    title: "jobs wait in a paused group",
    meaning: "The queue's group is paused, as after a restart of the host, and nothing in it will start by itself.",
    whatToDo: "`barkeep groups resume GROUP --host NAME`",
    ...atOnce,
  },
  "job-failed": {
    severity: "warning",
    title: "a job has failed",
    meaning: "The last attempt at a job ended without all of its days.",
    whatToDo: "`barkeep logs JOB` shows its end; `barkeep retry JOB` queues it anew.",
    worsensTo: "job-quarantined",
    ...atOnce,
  },
  "job-quarantined": {
    severity: "critical",
    title: "a job needs more memory than its host has",
    meaning: "It was ended for its memory, and no larger size fits on the host.",
    whatToDo: "Give it to a larger host, or part it: fewer thresholds in one job.",
    ...atOnce,
  },
  "ledger-unreadable": {
    severity: "critical",
    title: "the ledger cannot be used",
    meaning: "Without the ledger no incident can be kept and no message queued. This one is sent past it.",
    whatToDo: "End the process that keeps it locked. A damaged one: `barkeep ledger rebuild`.",
    ...atOnce,
  },
  "archive-unreachable": {
    severity: "warning",
    title: "the archive does not answer",
    meaning:
      "What the exchange has published could not be asked, so that missing days cannot be told from unpublished ones.",
    whatToDo: "Look whether BARKEEP_ARCHIVE can be reached from here; it often ends by itself.",
    hides: { kinds: ["gap-unknown"], reach: "market" },
    ...passing,
  },
  "heal-exhausted": {
    severity: "critical",
    title: "a gap could not be healed",
    meaning: "All attempts that a day allows were made, and the gap is still there.",
    whatToDo:
      "`barkeep explain` says why the last one failed, `barkeep heal log` what was tried; when what was in the way is gone, `barkeep heal replay`.",
    ...atOnce,
  },
  "notify-failing": {
    severity: "warning",
    title: "messages do not arrive",
    meaning: "A channel has refused or lost messages for an hour or more. They wait and are lost no more than delayed.",
    whatToDo:
      "`barkeep notify list` shows what waits and why; `barkeep notify test` tries each channel. A message that a channel will never take: `barkeep notify withdraw MESSAGE`.",
    ...atOnce,
  },
  "heartbeat-missed": {
    severity: "warning",
    title: "the heartbeat did not run",
    meaning: "While the machine was awake, passes of the heartbeat were due and did not run.",
    whatToDo: "`barkeep heartbeat status` shows the schedule and the last runs.",
    ...atOnce,
  },
  "heartbeat-partial": {
    severity: "warning",
    title: "the heartbeat could not look at everything",
    meaning: "Its time was over, or a part of it failed, before all was looked at. What it did not look at is unknown.",
    whatToDo: "Look at the parts it names; `barkeep heartbeat --budget SECONDS` gives it more time.",
    ...passing,
  },
};

export const allKinds: readonly FindingKind[] = Object.keys(findingKinds).filter(isFindingKind);

/** Where the kind is explained. */
export function runbookOf(kind: FindingKind): string {
  return `docs/alerts.md#${kind}`;
}

/** The kind, where a text names one. A ledger may hold kinds of a later release. */
export function asFindingKind(text: string): FindingKind | undefined {
  return isFindingKind(text) ? text : undefined;
}

function isFindingKind(text: string): text is FindingKind {
  return Object.hasOwn(findingKinds, text);
}
