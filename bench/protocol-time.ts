import { onlyMs, type Interval } from "./intervals.ts";
import type { Statement } from "./measured-store.ts";

/** What of a populate's time goes to keeping its promises rather than to bars. */
export interface ProtocolTime {
  readonly protocolMs: number;
  readonly insertBarsMs: number;
  readonly commits: number;
}

const isBars = ({ kind }: Statement): boolean => kind === "insert bars";
const isLook = ({ sql }: Statement): boolean => sql.startsWith("SELECT 'committed' AS what");
const isCommit = ({ kind }: Statement): boolean => kind === "insert coverage";

/**
 * The inserts of bars are work. All else is protocol: every other statement, and between the looks that begin a commit and the
 * insert of coverage that is it also what this process does with their answers.
 * @throws when there is a commit without a look: the statements are other ones than this knows
 */
export function protocolTime(statements: readonly Statement[]): ProtocolTime {
  const bars = statements.filter(isBars);
  const commits = statements.filter(isCommit);
  const windows = commits.map((commit, i): Interval => {
    const before = commits[i - 1]?.endMs ?? 0;
    const look = statements.find((one) => isLook(one) && one.startMs >= before);
    if (look === undefined || look.endMs > commit.startMs) throw new Error("a commit began without a look");
    return { startMs: look.startMs, endMs: commit.endMs };
  });
  const others = statements.filter((one) => !isBars(one));
  return {
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
