import { describeFailure } from "../datasets/range/listener.ts";
import type { DrainedHost } from "../fleet/drain.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../model/exit-codes.ts";

/** What `drain` and `undrain` say of a host. */
export function drainLines(
  { wasDrained, canHold, scaled }: DrainedHost,
  isDrained: boolean,
  isPlan: boolean,
): string[] {
  const { decision, failure, notes } = scaled;
  const { host } = decision;
  const { running, queued } = countsOf(scaled);
  const state = isDrained ? "drained" : "open";
  const is = isPlan ? "would be" : "is";
  const before = wasDrained === isDrained ? ", as it was" : "";
  if (failure !== undefined) {
    return [...notes, `${host}: ${is} ${state}${before}; its queue was not told: ${describeFailure(failure)}`];
  }
  const then =
    isDrained && canHold
      ? `${running} run and end, ${queued} wait until barkeep undrain ${host}`
      : `${running} run, ${queued} wait for their turn`;
  return [...notes, `${host}: ${is} ${state}${before}; ${then}`];
}

/** The same as one document. */
export function drainDocument(
  hosts: readonly DrainedHost[],
  isDrained: boolean,
  isPlan: boolean,
): Record<string, unknown> {
  return {
    hosts: hosts.map(({ wasDrained, scaled }) => ({
      host: scaled.decision.host,
      drained: isPlan ? wasDrained : isDrained,
      was_drained: wasDrained,
      ...countsOf(scaled),
    })),
    failures: hosts.flatMap(({ scaled: { decision, failure } }) =>
      failure === undefined
        ? []
        : [{ host: decision.host, code: failure.code, message: failure.message, hint: failure.hint }],
    ),
  };
}

export function drainExitCode(hosts: readonly DrainedHost[]): ExitCode {
  const failures = hosts.flatMap(({ scaled }) => scaled.failure ?? []);
  return failures.length > 0 ? worstExitCode(failures) : exitCodes.ok;
}

function countsOf({ decision: { groups } }: DrainedHost["scaled"]): { running: number; queued: number } {
  return {
    running: groups.reduce((sum, group) => sum + group.running, 0),
    queued: groups.reduce((sum, group) => sum + group.queued, 0),
  };
}
