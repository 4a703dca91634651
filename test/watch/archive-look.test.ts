import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openLedger, type Ledger } from "../../lib/ledger/index.ts";
import { addDays, dayStartMs, parseDay, type Day } from "../../lib/model/day.ts";
import { lookAtArchives, type ArchiveAnswer, type ArchiveQuestion } from "../../lib/watch/archive-look.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";

const never = new AbortController().signal;
const firstDay = parseDay("2024-03-05");
const lastDay = addDays(firstDay, 5);

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

  async at(
    questions: readonly ArchiveQuestion[],
    {
      location = this.archive.root,
      withinMs,
      now = addDays(lastDay, 1),
    }: Partial<{ location: string; withinMs: number; now: Day }> = {},
  ): Promise<ArchiveAnswer[]> {
    const place = { location, stateDirectory: this.state, withinMs };
    return lookAtArchives(place, questions, this.ledger, dayStartMs(now) + 6 * 3_600_000, never);
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
