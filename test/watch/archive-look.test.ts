import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openLedger, type Ledger } from "../../lib/ledger/index.ts";
import { addDays, dayStartMs, parseDay, type Day } from "../../lib/model/day.ts";
import { absenceOf, type Absence } from "../../lib/watch/absence.ts";
import { lookAtArchives, type ArchiveAnswer, type ArchiveQuestion } from "../../lib/watch/archive-look.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";

const never = new AbortController().signal;
const firstDay = parseDay("2024-03-05");
const lastDay = addDays(firstDay, 5);

/** When a look is made on a day. */
function timeOf(now: Day): number {
  return dayStartMs(now) + 6 * 3_600_000;
}

/** An archive of six days, a ledger, and questions about it. */
class Look implements Disposable {
  readonly archive = new ArchiveFolder(temporaryFolder("look-archive"));
  readonly state = join(temporaryFolder("look"), "state");
  readonly ledger: Ledger = openLedger(this.state);

  constructor() {
    this.archive.putWalk(firstDay, 6, 20);
  }

  question(more: Partial<ArchiveQuestion> = {}): ArchiveQuestion {
    const built = { firstDay, lastDay, lastDayOfAll: lastDay };
    const of = { market: "spot", symbol: "BTCUSDT", from: parseDay("2024-01-01") } as const;
    return { ...of, built, days: [], asksAllDigests: false, doubtedDays: [], isOver: false, ...more };
  }

  /** @param isNamed whether an archive is named: else what is remembered has to do */
  async at(
    questions: readonly ArchiveQuestion[],
    {
      location = this.archive.root,
      isNamed = true,
      withinMs,
      now = addDays(lastDay, 1),
    }: Partial<{ location: string; isNamed: boolean; withinMs: number; now: Day }> = {},
  ): Promise<ArchiveAnswer[]> {
    const place = { location: isNamed ? location : undefined, stateDirectory: this.state, withinMs };
    return lookAtArchives(place, questions, this.ledger, timeOf(now), never);
  }

  [Symbol.dispose](): void {
    this.ledger.close();
  }
}

test("an archive that takes questions and is silent holds up nothing for longer than it may, however many symbols", async () => {
  using look = new Look();
  await using server = new ArchiveServer(look.archive.root);
  const location = await server.start();
  const [known] = await look.at([look.question()], { location });
  assert.equal(known?.failure, undefined);
  for (const method of ["GET", "HEAD"]) server.silentMethods.add(method);
  const symbols = Array.from({ length: 40 }, (_, i) => look.question({ symbol: i === 0 ? "BTCUSDT" : `S${i}USDT` }));
  const answers = await look.at(symbols, { location, withinMs: 700 });
  assert.deepEqual(new Set(answers.map(({ failure }) => failure?.code)), new Set(["ARCHIVE_UNREACHABLE"]));
  assert.equal(answers[0]?.facts.extent?.lastDay, lastDay, "what is remembered is still known");
  assert.ok(server.requests.filter(({ path }) => /S\d+USDT/.test(path)).length < 40, "not all of them were asked");
});

test("an archive that lacks what was built from it is not the one that is meant, unless all is built", async () => {
  using look = new Look();
  const empty = new ArchiveFolder(temporaryFolder("look-empty"));
  empty.putWalk(firstDay, 1, 20);
  empty.remove(firstDay);
  const [answer] = await look.at([look.question()], { location: empty.root });
  assert.equal(answer?.failure?.code, "ARCHIVE_EMPTY");
  assert.match(answer.failure.message, /no archive of BTCUSDT, not even of 2024-03-10, which is built/);
  const [over] = await look.at([look.question({ isOver: true })], { location: empty.root });
  assert.equal(over?.failure, undefined);
});

test("a day that is not published is known to be absent since the first look that found it so, and when it was last asked for", async () => {
  using look = new Look();
  const day = addDays(firstDay, 2);
  look.archive.remove(day);
  const absence = async (now: Day): Promise<Absence | undefined> => {
    const [answer] = await look.at([look.question({ days: [day] })], { now });
    return answer === undefined ? undefined : absenceOf(answer.facts, [day]);
  };
  const [first, second, third] = [addDays(lastDay, 1), addDays(lastDay, 2), addDays(lastDay, 3)];
  const seen = { sinceMs: timeOf(first), publishedThrough: lastDay };
  assert.deepEqual(await absence(first), { ...seen, askedMs: timeOf(first) });
  assert.deepEqual(await absence(second), { ...seen, askedMs: timeOf(second) });
  const [remembered] = await look.at([look.question({ days: [day] })], { now: third, isNamed: false });
  assert.deepEqual(remembered && absenceOf(remembered.facts, [day]), { ...seen, askedMs: timeOf(second) });
  assert.equal(remembered && absenceOf(remembered.facts, [day, addDays(day, 1)]), undefined, "that one is there");
  look.archive.putWalk(day, 1, 20);
  assert.equal(await absence(third), undefined);
  look.archive.remove(day);
  const again = addDays(lastDay, 4);
  assert.deepEqual(await absence(again), { ...seen, sinceMs: timeOf(again), askedMs: timeOf(again) });
});

test("an archive that is filled backwards is seen to begin earlier, within a day", async () => {
  using look = new Look();
  const first = async (now: Day): Promise<Day | undefined> =>
    (await look.at([look.question()], { now }))[0]?.facts.extent?.firstDay;
  assert.equal(await first(addDays(lastDay, 1)), firstDay);
  look.archive.putWalk(addDays(firstDay, -2), 1, 20);
  assert.equal(await first(addDays(lastDay, 1)), firstDay, "asked a moment ago");
  assert.equal(await first(addDays(lastDay, 2)), addDays(firstDay, -2));
});

test("a checksum file that is no good is told of its day, and takes nothing from the others", async () => {
  using look = new Look();
  look.archive.removeChecksum(lastDay);
  const [answer] = await look.at([look.question({ asksAllDigests: true })]);
  assert.ok(answer !== undefined && answer.failure === undefined);
  assert.deepEqual(
    [...answer.unreadable].map(([day, { code }]) => [day, code]),
    [[lastDay, "NO_CHECKSUM"]],
  );
  assert.equal(answer.digests.size, 5);
  assert.equal(answer.facts.extent?.lastDay, lastDay);
});
