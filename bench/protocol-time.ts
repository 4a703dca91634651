import { onlyMs, type Interval } from "./intervals.ts";
import type { Statement } from "./measured-store.ts";

/** What of a populate's time goes to keeping its promises rather than to bars. */
export interface ProtocolTime {
  /** Asking the store what is missing. */
  readonly planningMs: number;
  readonly protocolMs: number;
  readonly insertBarsMs: number;
  readonly commits: number;
}

const isBars = ({ kind }: Statement): boolean => kind === "insert bars";
const isOpening = ({ kind }: Statement): boolean => kind === "select builds";
const isLook = ({ sql }: Statement): boolean => sql.startsWith("SELECT 'committed' AS what");
const isCommit = ({ kind }: Statement): boolean => kind === "insert coverage";

/**
 * From where the first unit is opened, the inserts of bars are work. All else is protocol: every other statement, and between the
 * look that begins a commit and the insert of coverage that is it also what this process does with the answers.
 * @throws when there is a commit without a look or an opening: the statements are other ones than this knows
 */
export function protocolTime(statements: readonly Statement[]): ProtocolTime {
  const first = statements.find(isOpening)?.startMs ?? Infinity;
  const planning = statements.filter((one) => one.startMs < first);
  const others = statements.filter((one) => one.startMs >= first && !isBars(one));
  const bars = statements.filter(isBars);
  const commits = others.filter(isCommit);
  if (commits.length < statements.filter(isCommit).length) throw new Error("a commit came before its unit was opened");
  const windows = commits.map((commit, i): Interval => {
    const before = commits[i - 1]?.endMs ?? 0;
    const look = others.find((one) => isLook(one) && one.startMs >= before);
    if (look === undefined || look.endMs > commit.startMs) throw new Error("a commit began without a look");
    return { startMs: look.startMs, endMs: commit.endMs };
  });
  return {
    planningMs: onlyMs(planning, []),
    protocolMs: onlyMs([...others, ...windows], bars),
    insertBarsMs: onlyMs(bars, []),
    commits: commits.length,
  };
}

/** Wall time and number of the statements of each kind. */
export function timesByKind(statements: readonly Statement[]): Record<string, number> {
  const byKind = Map.groupBy(statements, ({ kind }) => kind);
  return Object.fromEntries(Array.from(byKind, ([kind, all]) => [`${kind} (${all.length}), ms`, onlyMs(all, [])]));
}
