import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { ArchiveServer, type Fault } from "../rig/archive-server.ts";
import { Bench } from "../rig/bench.ts";

/** What the last day's archive does, and what must become of it. */
interface LastDay {
  readonly what: string;
  /** Harms the folder or the server. */
  readonly harm: (bench: Bench, server: ArchiveServer) => void;
  readonly exit: number;
  readonly code: string;
  readonly says: RegExp;
  /** How often the program asks for the archive in one run. */
  readonly asks: number;
  readonly quarantined: number;
}

function fault(bench: Bench, server: ArchiveServer, end: string, one: Omit<Fault, "times">): void {
  server.faults.set(`${bench.lastDay}${end}`, { ...one, times: Number.POSITIVE_INFINITY });
}

const cases: readonly LastDay[] = [
  {
    what: "404: not yet",
    harm: (bench) => {
      unlinkSync(bench.archive.pathOf(bench.lastDay));
      unlinkSync(`${bench.archive.pathOf(bench.lastDay)}.CHECKSUM`);
    },
    exit: 1,
    code: "NOT_PUBLISHED_YET",
    says: /run the same command again later/,
    asks: 0,
    quarantined: 0,
  },
  {
    what: "503 with an hour to wait: could not be told",
    harm: (bench, server) => fault(bench, server, ".zip", { kind: "status", status: 503, retryAfter: "3600" }),
    exit: 2,
    code: "ARCHIVE_ASKS_TO_WAIT",
    says: /HTTP 503/,
    asks: 1,
    quarantined: 0,
  },
  {
    what: "another checksum in two fetches: put aside",
    harm: (bench, server) => fault(bench, server, ".zip", { kind: "wrong-bytes" }),
    exit: 1,
    code: "CHECKSUM_MISMATCH",
    says: /the file was put aside/,
    asks: 2,
    quarantined: 1,
  },
  {
    what: "published torn, with a checksum that fits: bad",
    harm: ({ archive, lastDay }) => {
      const whole = readFileSync(archive.pathOf(lastDay));
      archive.putZip(lastDay, whole.subarray(0, whole.length >> 1));
    },
    exit: 1,
    code: "ZIP_CORRUPT",
    says: /fetch the archive again/,
    asks: 1,
    quarantined: 0,
  },
  {
    what: "a body that ends early: asked for again, and no day that is not whole",
    harm: (bench, server) => fault(bench, server, ".zip", { kind: "truncate" }),
    exit: 2,
    code: "ARCHIVE_UNREACHABLE",
    says: /in 6 attempts/,
    asks: 6,
    quarantined: 0,
  },
];

function quarantinedOf({ state }: Bench): string[] {
  const folder = join(state, "mirror", "quarantine");
  return existsSync(folder) ? readdirSync(folder) : [];
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" });
}

const populated = z.object({ symbols: z.array(z.object({ days: z.number(), state: z.string() })) });

// Side by side: most of their time is waiting between attempts.
test("S-05 the last day's archive cannot be had", { concurrency: true }, async (t) => {
  const whole = await new Bench().cleanStatus();
  const runs = cases.map(async ({ what, harm, exit, code, says, asks, quarantined }) =>
    t.test(`S-05 ${what}`, async () => {
      const bench = new Bench();
      await using server = new ArchiveServer(bench.archive.root);
      const url = await server.start();
      harm(bench, server);

      const outcome = await bench.populate(["--json"], url);
      assert.equal(outcome.code, exit, outcome.stderr);
      const { symbols } = populated.parse(JSON.parse(outcome.stdout));
      // The day before is committed, and nothing of the last one.
      assert.deepEqual(symbols, [{ days: 1, state: code.toLowerCase().replaceAll("_", " ") }]);
      assert.ok(outcome.stderr.includes(`(${code})`), outcome.stderr);
      assert.match(outcome.stderr, says);
      assert.equal(server.requestsFor(`${bench.lastDay}.zip`), asks);
      assert.equal(quarantinedOf(bench).length, quarantined);
      assert.deepEqual(
        filesUnder(join(bench.state, "mirror")).filter((path) => path.endsWith(".part")),
        [],
      );

      // The day comes good, and the same command ends with what a run has that nothing happened to.
      server.faults.clear();
      bench.archive.putWalk(bench.firstDay, 2, bench.perDay);
      const again = await bench.populate([], url);
      assert.equal(again.code, 0, again.stderr);
      assert.deepEqual(await bench.status(), whole);
    }),
  );
  await Promise.all(runs);
});

test("S-06 the last day of a closed segment fails at first: it is asked for again, and the segment ends whole", async () => {
  const bench = new Bench({ firstDay: "2024-03-29", days: 3 });
  const monthly = ["--segment", "month"];
  const whole = await bench.cleanStatus(monthly);
  await using server = new ArchiveServer(bench.archive.root);
  const url = await server.start();
  server.faults.set(`${bench.lastDay}.zip.CHECKSUM`, { kind: "reset", times: 1 });
  server.faults.set(`${bench.lastDay}.zip`, { kind: "status", status: 503, times: 1 });
  const outcome = await bench.populate(monthly, url);
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.equal(server.requestsFor(`${bench.lastDay}.zip`), 2);
  assert.deepEqual(await bench.status(), whole);
  assert.equal(await orphansOf(bench), 1);
});

test("S-06 and where it does not get better the segment is never recorded complete, nor the next one begun", async () => {
  const bench = new Bench({ firstDay: "2024-03-29", days: 5 });
  const monthly = ["--segment", "month"];
  const whole = await bench.cleanStatus(monthly);
  await using server = new ArchiveServer(bench.archive.root);
  const url = await server.start();
  server.faults.set("2024-03-31.zip", { kind: "status", status: 503, retryAfter: "3600", times: 1 });
  const outcome = await bench.populate([...monthly, "--json"], url);
  assert.equal(outcome.code, 2, outcome.stderr);
  const [held] = await bench.status();
  assert.equal(held?.days, 2);
  assert.equal(held.last_id, String(999 + 2 * bench.perDay));
  assert.equal(await orphansOf(bench), 0, "the segment was ended without its last day");
  const plan = await bench.populate([...monthly, "--plan"], url);
  assert.match(plan.stdout, /BTCUSDT@50:2024-03 +2024-03-31 +2024-03-31 +1 /);
  const again = await bench.populate(monthly, url);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(await bench.status(), whole);
  assert.equal(await orphansOf(bench), 1);
});

/** Orphans of a month's end that a reader sees. */
async function orphansOf(bench: Bench): Promise<number> {
  const { stdout } = await bench.run(["export-bars", "BTCUSDT@50", "--columns", "all", "--orphans", "--exact"]);
  return stdout.split("\n").filter((line) => line.includes(",month_boundary,")).length;
}
