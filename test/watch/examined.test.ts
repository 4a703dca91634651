import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { mock, test } from "node:test";
import { openLedger } from "../../lib/ledger/index.ts";
import { addDays, dayStartMs, parseDay, type Day } from "../../lib/model/day.ts";
import detectGaps from "../../ops/detect-gaps.ts";
import heartbeat from "../../ops/heartbeat.ts";
import rebuildLedger from "../../ops/ledger/rebuild.ts";
import type { Command } from "../../lib/command/index.ts";
import { ran, type Ran } from "../command/run.ts";
import { temporaryFolder } from "../ops/run.ts";
import { Bench } from "../rig/bench.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";

const firstDay = parseDay("2024-03-05");

/** Looks at a bench, one after the other, from the morning behind its archive's last day on. */
class Looks {
  readonly bench = new Bench({ firstDay, days: 12, perDay: 40 });
  #minute = 0;

  async run(command: Command, words: readonly string[], archive = this.bench.archive.root): Promise<Ran> {
    const { lastDay, symbols, state } = this.bench;
    this.#minute += 1;
    mock.timers.enable({ apis: ["Date"], now: dayStartMs(addDays(lastDay, 1)) + (360 + this.#minute) * 60_000 });
    try {
      const place = command === rebuildLedger ? [] : ["--archive", archive];
      return await ran(command, [...words, ...place, "--symbols", symbols, "--state", state]);
    } finally {
      mock.timers.reset();
    }
  }

  /** @returns the exit code, and the incidents that are not over */
  async detect(words: readonly string[] = [], archive?: string): Promise<[number, ...string[]]> {
    const { code } = await this.run(detectGaps, words, archive);
    return [code, ...this.live];
  }

  async beat(archive?: string): Promise<[number, ...string[]]> {
    const { code } = await this.run(heartbeat, ["--once"], archive);
    return [code, ...this.live];
  }

  get live(): string[] {
    using ledger = openLedger(this.bench.state);
    return ledger.incidents.live().map(({ id, kind, state }) => `#${id} ${kind} ${state}`);
  }

  /** Days that are remembered to have been published anew. */
  get revisedDays(): Day[] {
    using ledger = openLedger(this.bench.state);
    const key = { location: this.bench.archive.root, market: "spot", symbol: "BTCUSDT" };
    return ledger.archives.deviating(key).map(({ day }) => day);
  }

  /** Publishes a day anew, with other trades. */
  revise(day: Day): void {
    const { archive, firstDay } = this.bench;
    const before = (dayStartMs(day) - dayStartMs(firstDay)) / 86_400_000;
    const lines = linesOf(walkOf(day, 1000 + before * 40, 40));
    archive.putLines(
      day,
      lines.map((line) => line.replace(/True$/, "False")),
    );
  }

  /** A copy of the archive as it is now. */
  copy(): string {
    const folder = join(temporaryFolder("examined-copy"), "archive");
    cpSync(this.bench.archive.root, folder, { recursive: true });
    return folder;
  }
}

async function built(lastDay = addDays(firstDay, 11)): Promise<Looks> {
  const looks = new Looks();
  assert.equal((await looks.bench.populate(["--end-date", lastDay])).code, 0);
  return looks;
}

test("what was found of a day's published digest is over only where that day is asked about again", async (context) => {
  const looks = await built();
  const middle = addDays(firstDay, 5);
  const original = looks.copy();
  looks.revise(middle);
  const revised = [1, "#1 gap-revised open"];
  assert.deepEqual(await looks.detect(["--exhaustive"]), revised);
  assert.deepEqual(await looks.beat(), revised);

  await context.test("a ledger that was made anew remembers it", async () => {
    assert.equal((await looks.run(rebuildLedger, [])).code, 0);
    assert.deepEqual(looks.revisedDays, [middle]);
    assert.deepEqual(await looks.beat(), revised);
  });
  await context.test("the same bytes at another place are the same trouble", async () => {
    const copy = looks.copy();
    assert.deepEqual(await looks.beat(copy), revised);
    assert.deepEqual(await looks.beat(), revised);
  });
  await context.test("an archive that is away, or has not the day, ends nothing", async () => {
    const copy = looks.copy();
    looks.bench.archive.remove(middle);
    assert.deepEqual((await looks.beat()).slice(1), ["#1 gap-revised open"]);
    assert.deepEqual((await looks.beat(temporaryFolder("examined-empty"))).slice(1, 2), ["#1 gap-revised open"]);
    cpSync(copy, looks.bench.archive.root, { recursive: true });
  });
  await context.test("published as it was built from, it is over", async () => {
    cpSync(original, looks.bench.archive.root, { recursive: true });
    await looks.beat();
    assert.deepEqual(await looks.beat(), [0]);
  });
});

test("a checksum that cannot be read keeps no other trouble from its end", async () => {
  const looks = await built(addDays(firstDay, 10));
  assert.deepEqual(await looks.beat(), [1, "#1 gap-trailing open"]);
  looks.bench.archive.removeChecksum(addDays(firstDay, 9));
  assert.equal((await looks.bench.populate()).code, 0);
  assert.deepEqual(await looks.beat(), [2, "#2 gap-unknown pending"]);
});

test("a checksum that could not be read on a day in the middle is said by the next look, and over when it can be", async () => {
  const looks = await built();
  const whole = looks.copy();
  for (const day of [4, 5, 7]) looks.bench.archive.removeChecksum(addDays(firstDay, day));
  assert.deepEqual(await looks.detect(["--exhaustive"]), [2, "#1 gap-unknown pending"]);
  assert.deepEqual(await looks.beat(), [2, "#1 gap-unknown open"]);
  assert.deepEqual(await looks.detect(["--symbol", "BTCUSDT"]), [2, "#1 gap-unknown open"]);
  using ledger = openLedger(looks.bench.state);
  assert.equal(ledger.incidents.byId(1)?.evidence["days"], "2024-03-09..2024-03-10 2024-03-12");
  cpSync(whole, looks.bench.archive.root, { recursive: true });
  assert.deepEqual(await looks.beat(), [0, "#1 gap-unknown open"]);
  assert.deepEqual(await looks.beat(), [0]);
});

test("lists that are cut are not known to whoever asked for them, and no incident", async () => {
  const looks = new Looks();
  assert.equal((await looks.bench.populate(["--threshold", "5"])).code, 0);
  const words = ["--strict-time", "--max-bar-duration-hours", "0.001", "--symbol", "BTCUSDT", "--threshold", "5"];
  const { code, stdout } = await looks.run(detectGaps, [...words, "--json"]);
  assert.equal(code, 1);
  assert.match(stdout, /"kind": "not-looked-at",\s+"subject": "lists"/);
  assert.deepEqual(new Set(looks.live.map((one) => one.replace(/#\d+ /, ""))), new Set(["duration-anomaly open"]));
  using ledger = openLedger(looks.bench.state);
  const subjects = ledger.incidents.live().map(({ subject }) => subject);
  assert.deepEqual(new Set(subjects), new Set(["range:binance/spot/BTCUSDT@5"]));
});
