import assert from "node:assert/strict";
import { test } from "node:test";
import { agendaOf } from "../../lib/heal/agenda.ts";
import { gapExplanation, type UnseenByHeal } from "../../lib/heal/explain-gap.ts";
import { healPolicy } from "../../lib/heal/policy.ts";
import { gapKey } from "../../lib/heal/repairs.ts";
import type { HealTry } from "../../lib/ledger/index.ts";
import { parseDay } from "../../lib/model/day.ts";
import type { LeaseState } from "../../lib/store/index.ts";
import type { Gap } from "../../lib/watch/gap.ts";
import { gapOf } from "./gaps.ts";

const nowMs = Date.UTC(2024, 2, 10, 12);

function failedAt(gap: Gap, startedMs: number): HealTry {
  const of = { gap: gapKey(gap), unit: gap.unit, host: "here", pid: 7, startedMs, endedMs: startedMs };
  return { id: 1n, ...of, result: "failed", code: "ZIP_CORRUPT" };
}

function explain(
  gap: Gap,
  tries: readonly HealTry[] = [],
  writer?: LeaseState,
  unseen?: UnseenByHeal,
): { text: string; fix: string | undefined } {
  const byGap = new Map([[tries[0]?.gap ?? gapKey(gap), tries]]);
  const agenda = agendaOf([gap], new Map(), byGap, nowMs, healPolicy);
  const { sentences, fix } = gapExplanation(gap, { agenda, tries: byGap, writer, unseen });
  return { text: sentences.join(" "), fix };
}

test("a gap is explained by what is missing, what was tried, what happens next and what to type", () => {
  const gap = gapOf({ days: "2024-03-05..2024-03-06", reason: "coverage ends with 2024-03-04" });
  const fresh = explain(gap);
  assert.equal(
    fresh.text,
    "BTCUSDT@250:2024 has a gap (trailing, P0) at 2024-03-05 … 2024-03-06: coverage ends with 2024-03-04. Next, barkeep heal builds the days; it was not tried yet.",
  );
  assert.equal(fresh.fix, "barkeep heal");

  const waits = explain(gap, [failedAt(gap, nowMs - 60_000)]);
  assert.match(
    waits.text,
    /Nothing is done about it now: the last try ended with ZIP_CORRUPT; the next one is due 2024-03-10 12:09 UTC/,
  );

  const exhausted = explain(
    gap,
    [3, 2, 1].map((hours) => failedAt(gap, nowMs - hours * 3_600_000)),
  );
  assert.match(exhausted.text, /tried 3 times within 24 h, last ZIP_CORRUPT; left alone until 2024-03-11 09:00 UTC/);
  assert.equal(exhausted.fix, "barkeep heal log, then barkeep heal replay BTCUSDT@250:2024");
});

test("what cannot be built, cannot be seen, or is being written is told as such", () => {
  const upstream = explain(gapOf({ kind: "interior", cause: "missing-upstream" }));
  assert.match(upstream.text, /the archive lacks it; .*known_gaps of \[symbols\.BTCUSDT\]/);
  assert.equal(upstream.fix, undefined);
  const absence = { sinceMs: nowMs - 86_400_000, askedMs: nowMs, publishedThrough: parseDay("2024-03-09") };
  const absent = explain(gapOf({ kind: "interior", cause: "missing-upstream", absence }));
  assert.match(
    absent.text,
    /They were last asked for 2024-03-10 12:00 UTC; what is published reaches to 2024-03-09\. .*there is barkeep accept-missing/,
  );
  assert.equal(explain(gapOf({ kind: "unknown", cause: "not-known" })).fix, "barkeep doctor");
  const writer: LeaseState = {
    attempt: 1n,
    released: false,
    host: "bigbox",
    pid: 4711,
    processStart: "x",
    command: "barkeep populate",
    since: "2024-03-10 11:58:00",
    ageMs: 100,
    silentMs: 100,
  };
  const written = explain(gapOf({}), [], writer);
  assert.match(written.text, /Process 4711 on bigbox writes it since 2024-03-10 11:58:00 UTC \(barkeep populate\)\.$/);
  assert.equal(written.fix, undefined);
});

test("where heal would not find a gap, what makes it do so is named, or who does it instead", () => {
  const bars = explain(gapOf({ kind: "overlap", cause: "doubled", isSeenInBars: true }), [], undefined, "bars");
  assert.match(
    bars.text,
    /Next, barkeep heal makes the unit anew .*, once barkeep detect-gaps --exhaustive has found it too/,
  );
  assert.equal(bars.fix, "barkeep detect-gaps --exhaustive --symbol BTCUSDT, then barkeep heal");
  const never = explain(gapOf({ kind: "leading" }), [], undefined, "series");
  assert.match(never.text, /No heal looks at it: nothing of the series was ever built\.$/);
  assert.equal(never.fix, "barkeep populate --symbol BTCUSDT --threshold 250");
});

test("the tries that heal made at what it knew by number are those of the ids that explain names", () => {
  const counted = gapOf({ kind: "interior", cause: "bars-lost", days: "2024-01-01..2024-03-04" });
  const named = gapOf({ kind: "interior", cause: "bars-lost", days: "2024-02-10" });
  const tries = [3, 2, 1].map((hours) => failedAt(counted, nowMs - hours * 3_600_000));
  assert.match(explain(named, tries).text, /tried 3 times within 24 h/);
});
