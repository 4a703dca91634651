import type { RebuildResult } from "../datasets/range/rebuild.ts";
import type { RebuildPlan } from "../datasets/range/rebuild-plan.ts";
import type { RebuildOutcome } from "../datasets/range/rebuild-run.ts";
import { formatCount, textTable } from "./text-table.ts";

/** The answer of `rebuild --plan`. */
export function rebuildPlanLines({ rebuilds, held, unchanged }: RebuildPlan): string[] {
  const rows = [
    ...rebuilds.map(({ unit, published, firstDay, reason }) => [unit, String(published.build), firstDay, reason]),
    ...held.map(({ unit, reason }) => [unit, "", "", `${reason}; left alone, for an undo holds it: give --reason`]),
  ];
  const summary = `${formatCount(rebuilds.length)} to make anew, ${formatCount(held.length)} held, ${formatCount(unchanged)} come out the same`;
  if (rows.length === 0) return [summary];
  return [...textTable([{ title: "unit" }, { title: "build" }, { title: "from" }, { title: "reason" }], rows), summary];
}

/** The same as one document. */
export function rebuildPlanDocument({ rebuilds, held, unchanged }: RebuildPlan): Record<string, unknown> {
  return {
    units: rebuilds.map(({ unit, published, firstDay, reason }) => ({
      unit,
      build: published.build,
      from: firstDay,
      reason,
    })),
    held,
    unchanged,
  };
}

/** The answer of `rebuild`. */
export function rebuildLines(plan: RebuildPlan, { results }: RebuildOutcome): string[] {
  const held = plan.held.map(({ unit, reason }) => `${unit}: left alone (${reason}); an undo holds it: give --reason`);
  if (results.length === 0) return [...held, "nothing to make anew"];
  const table = textTable(
    [{ title: "unit" }, { title: "bars", align: "right" }, { title: "state" }, { title: "take back with" }],
    results.map((result) => [
      result.unit,
      result.rebuild === undefined ? "" : formatCount(result.bars),
      stateOf(result),
      result.rebuild === undefined ? "" : `barkeep undo '${result.rebuild}'`,
    ]),
  );
  return [...held, ...table];
}

/** The same as one document. */
export function rebuildDocument(plan: RebuildPlan, { results, exitCode }: RebuildOutcome): Record<string, unknown> {
  return {
    exit_code: exitCode,
    held: plan.held,
    units: results.map((result) => ({
      unit: result.unit,
      reason: result.reason,
      rebuild: result.rebuild ?? null,
      bars: result.bars,
      same_bars: result.rebuild === undefined ? null : result.isSame,
      failures: result.failures.map(({ code, message, subject, hint }) => ({ code, message, subject, hint })),
    })),
  };
}

function stateOf({ rebuild, isSame, failures }: RebuildResult): string {
  if (rebuild !== undefined) return isSame ? "published, the same bars" : "published, other bars";
  const last = failures.at(-1);
  return last === undefined ? "not finished" : `not published: ${last.code.toLowerCase().replaceAll("_", " ")}`;
}
