import { z } from "zod";
import { pinnedBars, sqlInteger, type CoverageRow, type Store } from "../../../store/index.ts";
import type { Forming } from "./bars.ts";
import type { Findings } from "./finding.ts";
import { dayOfId, type Subject } from "./subject.ts";

const bigintText = z.string().transform(BigInt);
const jumpRow = z.object({
  first_id: bigintText,
  last_id: bigintText,
  open_us: bigintText,
  before_first_id: bigintText,
  before_last_id: bigintText,
  before_close_us: bigintText,
  /** The id that is said to have ended the one before, an orphan of a hole; 0 for another bar. */
  before_ended_by: bigintText,
});
type Jump = z.output<typeof jumpRow>;

/** As many places as this are looked at; a sound segment has one at each hole and where quarantined ids lie between bars. */
const jumpsMax = 100_000;

/**
 * Each bar begins with the id behind the one before it, no earlier than that one closed; between both lie only ids that
 * coverage does not have, or has quarantined. The forming bar comes last.
 * @param lastId of the stored bars
 */
export async function auditOrder(
  store: Store,
  subject: Subject,
  lastId: bigint | undefined,
  forming: Forming | undefined,
  findings: Findings,
): Promise<void> {
  const { pinned } = subject;
  const [first] = pinned.parts;
  const gaps = new GapLedger(pinned.parts);
  const begin = `toInt64(${sqlInteger(first.fromId - 1n)})`;
  const jumps = await store.rows(
    `SELECT * FROM (
  SELECT first_agg_trade_id AS first_id, last_agg_trade_id AS last_id, open_time AS open_us,
    lagInFrame(first_agg_trade_id, 1, ${begin}) OVER w AS before_first_id,
    lagInFrame(last_agg_trade_id, 1, ${begin}) OVER w AS before_last_id,
    lagInFrame(close_time, 1, toInt64(${sqlInteger(first.firstUs)})) OVER w AS before_close_us,
    lagInFrame(if(orphan_reason = 'id_gap', ended_by_id, 0), 1, toInt64(0)) OVER w AS before_ended_by
  FROM ${pinnedBars(pinned)}
  WINDOW w AS (ORDER BY first_agg_trade_id, last_agg_trade_id, attempt ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
) WHERE first_id != before_last_id + 1 OR open_us < before_close_us OR before_ended_by NOT IN (0, first_id)
ORDER BY first_id, last_id LIMIT ${jumpsMax + 1}`,
    jumpRow,
  );
  for (const jump of jumps.slice(0, jumpsMax)) auditJump(subject, jump, gaps, findings);
  if (jumps.length > jumpsMax) findings.add("ORDER", `bars do not follow each other in more than ${jumpsMax} places`);
  const through = lastId ?? first.fromId - 1n;
  // What has been forming since the last bar is not known without the checkpoint, which has its own finding.
  if (subject.checkpoint === undefined) return;
  if (forming === undefined) {
    gaps.take(through + 1n, subject.last.throughId, findings);
    return;
  }
  if (forming.firstId <= through) {
    const what = `the forming bar begins with trade ${forming.firstId}, which a bar that ends with ${through} has already`;
    findings.add("BAR_OVERLAP", what, { day: subject.last.day, id: forming.firstId });
  }
  gaps.take(through + 1n, forming.firstId - 1n, findings);
  gaps.take(forming.lastId + 1n, subject.last.throughId, findings);
}

function auditJump(subject: Subject, jump: Jump, gaps: GapLedger, findings: Findings): void {
  const { first_id: id, last_id: lastId, before_first_id: beforeId, before_last_id: beforeLastId } = jump;
  const place = { day: dayOfId(subject, id), id };
  if (id === beforeId || (id <= beforeLastId && lastId === beforeLastId)) {
    const what = id === beforeId ? `begin with trade ${id}` : `end with trade ${lastId}`;
    findings.add("DUPLICATE_BAR", `two bars ${what}`, place);
    return;
  }
  if (id <= beforeLastId) {
    findings.add("BAR_OVERLAP", `the bar that begins with trade ${id} lies in that of trade ${beforeId}`, place);
    return;
  }
  gaps.take(beforeLastId + 1n, id - 1n, findings);
  if (jump.before_ended_by !== 0n && jump.before_ended_by !== id) {
    const what = `the orphan that begins with trade ${beforeId} was ended by ${jump.before_ended_by}, the next bar begins with ${id}`;
    findings.add("ENDED_BY", what, place);
  }
  if (jump.open_us < jump.before_close_us) {
    const what = `the bar that begins with trade ${id} opens at ${jump.open_us} µs, before ${jump.before_close_us} µs`;
    findings.add("TIME_ORDER", `${what}, when the one before it closed`, place);
  }
}

/** Ids between bars, taken from what coverage allows for: its holes, and as many quarantined ids as a row counts. */
class GapLedger {
  readonly #parts: readonly CoverageRow[];
  readonly #left: Map<CoverageRow, bigint>;

  constructor(parts: readonly CoverageRow[]) {
    this.#parts = parts;
    this.#left = new Map(parts.map((part) => [part, part.quarantined]));
  }

  /** No bar has the ids `from` … `through`. */
  take(from: bigint, through: bigint, findings: Findings): void {
    const missing = this.#parts.filter((part) => {
      const common = min(through, part.throughId) - max(from, part.fromId) + 1n;
      if (common <= 0n) return false;
      const left = (this.#left.get(part) ?? 0n) - common;
      this.#left.set(part, left);
      return left < 0n;
    });
    const [first] = missing;
    const last = missing.at(-1);
    if (first === undefined || last === undefined) return;
    const [id, end] = [max(from, first.fromId), min(through, last.throughId)];
    const days = first.day === last.day ? "" : `, days ${first.day} … ${last.day}`;
    findings.add("MISSING_BARS", `no bar has the ids ${id} … ${end}${days}`, { day: first.day, id });
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
