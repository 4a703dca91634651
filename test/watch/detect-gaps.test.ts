import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, mock, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { z } from "zod";
import { openLedger, type Incident } from "../../lib/ledger/index.ts";
import { addDays, dayStartMs } from "../../lib/model/day.ts";
import { LocalQueue } from "../../lib/queue/local/queue.ts";
import type { QueueJob } from "../../lib/queue/queue.ts";
import { detectGapsSchema } from "../../lib/report/detect-gaps-schema.ts";
import acceptMissing from "../../ops/accept-missing.ts";
import explain from "../../ops/explain.ts";
import syncLedger from "../../ops/ledger/sync.ts";
import detectGaps from "../../ops/detect-gaps.ts";
import status from "../../ops/status.ts";
import type { Command } from "../../lib/command/index.ts";
import { ran, type Ran } from "../command/run.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";
import { eventually, shellJob } from "../queue/tasks.ts";
import { Bench } from "../rig/bench.ts";
import { clockAt } from "../rig/clock.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";
import { freePort } from "../rig/ports.ts";
import { minimalRegistry } from "../rig/registry.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { StoreProxy, type StoreFault } from "../rig/store-proxy.ts";

/** Twelve days of a slow market, ended by another year's clock than this machine's. */
const bench = new Bench({ days: 12, perDay: 40 });
let served: ServedStoreProcess;
let proxy: StoreProxy;
let url: string;

before(async () => {
  mock.method(console, "warn", () => undefined);
  assert.equal((await bench.populate()).code, 0);
  served = await ServedStoreProcess.start(bench.state);
  proxy = new StoreProxy(served.url);
  url = await proxy.start();
});
after(async () => {
  await proxy[Symbol.asyncDispose]();
  await served.stop();
});

/** Looks some hours behind the archive's last day. */
async function look(
  words: readonly string[],
  { hours = 6, storeUrl = url, symbols = bench.symbols, archive = ["--archive", bench.archive.root], env = {} } = {},
): Promise<Ran> {
  mock.timers.enable({ apis: ["Date"], now: dayStartMs(addDays(bench.lastDay, 1)) + hours * 3_600_000 });
  try {
    const place = ["--symbols", symbols, ...archive, "--state", bench.state];
    return await ran(detectGaps, [...words, ...place], { ...served.env, CLICKHOUSE_URL: storeUrl, ...env });
  } finally {
    mock.timers.reset();
  }
}

const schema: unknown = JSON.parse(readFileSync(join(projectRoot, "docs/schema/detect-gaps.json"), "utf8"));
const isValid = new Ajv2020({ validateFormats: false }).compile(Object(schema));

/** The document, held against the schema that is published and the one it is made of. */
function documentOf({ stdout }: Pick<Ran, "stdout">): ReturnType<typeof detectGapsSchema.parse> {
  const document: unknown = JSON.parse(stdout);
  assert.ok(isValid(document), JSON.stringify(isValid.errors));
  return detectGapsSchema.parse(document);
}

function outboxSize(): number {
  using ledger = openLedger(bench.state);
  return ledger.outbox.pending();
}

test("a whole series is clean, by coverage and by every bar; the document is as its schema says", async () => {
  const quick = await look(["--json"]);
  assert.equal(quick.code, 0, quick.stdout + quick.stderr);
  const document = documentOf(quick);
  assert.equal(document.verdict, "clean");
  assert.equal(document.bars_looked_at, null);
  assert.equal(document.coverage[0]?.days_covered, 12);
  assert.deepEqual(
    [document.coverage[0]?.gap_count, document.temporal_gap_count, document.price_gap_count],
    [null, null, null],
    "what was not looked for is not none",
  );
  const full = documentOf(await look(["--json", "--exhaustive", "--max-bar-duration-hours", "0.1"]));
  assert.equal(full.verdict, "clean");
  assert.deepEqual([full.price_gap_count, typeof full.temporal_gap_count], [null, "number"]);
  assert.equal(full.bars_looked_at, document.coverage[0]?.total_bars);
  assert.ok((full.duration_anomaly_count ?? 0) > 0);
  assert.match((await look([])).stdout, /1 series: clean\n$/);
  assert.equal(outboxSize(), 0);
});

test("S-22 long times and steps of price are listed with their proof, and count where they are told to", async () => {
  const listed = await look(["--json", "--exhaustive", "--min-gap-hours", "1", "--price-gap-dbps", "0.001"]);
  assert.equal(listed.code, 0, listed.stdout);
  const document = documentOf(listed);
  assert.ok((document.temporal_gap_count ?? 0) > 0 && (document.price_gap_count ?? 0) > 0);
  for (const { proof, gap_hours: hours, price_gap_dbps: jump, gap_type: type } of document.gaps) {
    assert.equal(proof, "contiguous");
    assert.ok(type === "price" || hours >= 1);
    // A step of one cent at 60,000 is 0.017 dbps; in basis points it would be a tenth.
    assert.ok(jump < 100, `${jump}`);
  }
  const strict = await look(["--strict-time", "--min-gap-hours", "1", "--no-notify", "--json"]);
  assert.equal(strict.code, 1);
  assert.equal(documentOf(strict).findings.length, document.temporal_gap_count);
  const prices = await look(["--strict-price", "--price-gap-dbps", "0.001", "--no-notify", "--json"]);
  assert.equal(prices.code, 1);
  assert.equal(documentOf(prices).findings.length, document.price_gap_count);
  assert.equal((await look(["--strict-price", "--no-notify"])).code, 0);
});

test("S-21 a series that is dead is told of whatever the window, once", async () => {
  const asNewAsItsArchive = await look(["--json"], { hours: 30 * 24 + 30 });
  assert.equal(asNewAsItsArchive.code, 0);
  assert.equal(
    documentOf(asNewAsItsArchive).stale_pair_count,
    1,
    "listed, and nobody asked for more than the archive has",
  );
  const summary = await look(["--summary"], { hours: 30 * 24 + 30 });
  assert.match(summary.stdout, /^excused: 0 late, 1 dead, up to 7\d\d h old: .*\n1 series: clean\n$/);
  const listed = await look([], { hours: 5 * 24 });
  assert.match(listed.stdout, /^listed: range:binance\/spot\/BTCUSDT@50: late, its newest trade is 1\d\d h old/m);
  assert.match(listed.stdout, /^excused: 1 late, 0 dead/m);
  assert.equal((await look([])).stdout.includes("excused"), false);
  const dead = await look(["--recent-days", "7", "--max-stale-hours", "72", "--json"], { hours: 30 * 24 + 30 });
  assert.equal(dead.code, 1);
  const document = documentOf(dead);
  assert.deepEqual([document.stale_pair_count, document.stale_pairs[0]?.is_dead], [1, true]);
  assert.equal(document.findings[0]?.kind, "series-dead");
  assert.equal(outboxSize(), 1);
  assert.equal((await look(["--max-stale-hours", "72"], { hours: 30 * 24 + 30.5 })).code, 1);
  assert.equal(outboxSize(), 1);
  assert.equal((await look(["--max-stale-hours", "9000"], { hours: 30 * 24 })).code, 0);
});

test("S-21 nothing is fresh by memory: without its archive a series is held to its own age", async () => {
  assert.equal((await look([], { hours: 24 * 20 })).code, 0, "as new as its archive");
  const words = ["--json", "--no-notify"];
  assert.equal(documentOf(await look(words, { hours: 24 * 20 + 1, archive: [] })).verdict, "findings");
  assert.equal((await look(words, { hours: 24 * 2, archive: [] })).code, 0);
});

test("--min-gap-hours looks at the bars", async () => {
  const document = documentOf(await look(["--json", "--no-notify", "--min-gap-hours", "0.1"]));
  assert.ok((document.bars_looked_at ?? 0) > 0);
  assert.ok((document.temporal_gap_count ?? 0) > 0);
});

test("what was found is printed where the ledger does not take it", async () => {
  const path = join(bench.state, "ledger.sqlite");
  const holder = spawn(
    process.execPath,
    [
      "-e",
      `const d = require("better-sqlite3")(${JSON.stringify(path)}); d.exec("BEGIN IMMEDIATE"); console.log("held"); setInterval(() => 0, 1e6)`,
    ],
    { cwd: projectRoot, stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    await once(holder.stdout, "data");
    const fleet = join(temporaryFolder("locked"), "fleet.toml");
    writeFileSync(
      fleet,
      `[hosts.here]\nssh = "local"\ndirectory = "here"\nqueue = "local"\nmemory_mb = 1000\njobs_max = 1\n`,
    );
    const { code, stdout } = await look(["--json", "--check-backfill-queue", "--fleet", fleet]);
    assert.equal(code, 2);
    const document = detectGapsSchema.parse(JSON.parse(stdout));
    assert.deepEqual(
      document.unknowns.map(({ kind }) => kind),
      ["ledger-unreadable"],
    );
  } finally {
    holder.kill();
    await once(holder, "exit");
  }
});

test("S-24 a symbol that is not maintained is listed and not alarmed about; one that is nowhere is a mistake", async () => {
  const symbols = join(temporaryFolder("disabled"), "symbols.toml");
  writeFileSync(symbols, minimalRegistry().replace("enabled = true", "enabled = false"));
  const outcome = await look(["--json", "--exhaustive"], { hours: 1000, symbols });
  assert.equal(outcome.code, 0, outcome.stdout);
  const document = documentOf(outcome);
  assert.equal(document.skipped_pairs, 1);
  assert.match(document.unmaintained[0]?.reason ?? "", /disabled/);
  const nowhere = await look(["--symbol", "NOSUCHUSDT"]);
  assert.equal(nowhere.code, 3);
  assert.match(nowhere.stderr, /\(UNKNOWN_SYMBOL\)/);
});

test("a selection asks for pairs that are not there: they are gaps, and so is what was published since", async () => {
  const both = documentOf(
    await look(["--symbol", "BTCUSDT", "--threshold", "50", "--threshold", "250", "--json", "--no-notify"]),
  );
  assert.deepEqual(
    both.series_gaps.map((gap) => [gap.series, gap.kind, gap.cause, gap.from_day, gap.through_day]),
    [["range:binance/spot/BTCUSDT@250", "leading", "not-built", bench.firstDay, bench.lastDay]],
  );
  const next = addDays(bench.lastDay, 1);
  bench.archive.putLines(next, linesOf(walkOf(next, 1000 + 12 * 40, 40)));
  try {
    const edge = documentOf(await look(["--json", "--no-notify"], { hours: 30 }));
    const [gap] = edge.series_gaps;
    assert.deepEqual([gap?.kind, gap?.priority, gap?.from_day], ["trailing", "P0", next]);
  } finally {
    bench.archive.remove(next);
  }
});

test("--tier1-only asks for the registry's symbols of tier 1 at the usual thresholds, whatever is there", async () => {
  const symbols = join(temporaryFolder("tiers"), "symbols.toml");
  const others = ["ETHUSDT", "XRPUSDT"].map((symbol) =>
    minimalRegistry().replace(/^.*\n/, "").replace("BTCUSDT", symbol),
  );
  writeFileSync(symbols, `${minimalRegistry("tier = 1\n")}${others[0]}tier = 2\n${others[1]}`);
  const { series_gaps: gaps, coverage } = documentOf(
    await look(["--tier1-only", "--json", "--no-notify"], { symbols }),
  );
  const asked = [250, 500, 750, 1000].map((threshold) => `range:binance/spot/BTCUSDT@${threshold}`);
  assert.deepEqual(
    gaps.map(({ series, kind }) => `${kind} ${series}`).toSorted(),
    asked.map((one) => `leading ${one}`).toSorted(),
  );
  assert.deepEqual(
    coverage.filter(({ total_bars: bars }) => bars > 0),
    [],
    "50 dbps are not asked for",
  );
  const narrowed = documentOf(await look(["--tier1-only", "--threshold", "50", "--json", "--no-notify"], { symbols }));
  assert.deepEqual([narrowed.verdict, narrowed.checked_pairs], ["clean", 1]);
});

test("--ouroboros-mode looks at series that reset so, and at no others", async () => {
  const modes = [];
  for (const mode of ["year", "month", "week"]) {
    const { code, stdout } = await look(["--ouroboros-mode", mode, "--json"]);
    modes.push([mode, code, documentOf({ stdout }).checked_pairs]);
  }
  assert.deepEqual(modes, [
    ["year", 0, 1],
    ["month", 2, 0],
    ["week", 2, 0],
  ]);
  assert.equal((await look(["--ouroboros-mode", "day"])).code, 3);
});

test("RANGEBAR_OUROBOROS_MODE leaves no series out; it says how one without bars would reset", async () => {
  const env = { RANGEBAR_OUROBOROS_MODE: "month" };
  const all = documentOf(await look(["--json"], { env }));
  assert.deepEqual([all.verdict, all.checked_pairs], ["clean", 1], "it resets by year");
  const absent = ["--symbol", "BTCUSDT", "--threshold", "250", "--ouroboros-mode", "month", "--no-notify", "--json"];
  assert.deepEqual(
    documentOf(await look(absent, { env })).series_gaps.map(({ kind }) => kind),
    ["leading"],
  );
  assert.equal(documentOf(await look(absent)).verdict, "unknown");
});

test("a selection of which nothing is looked at is not known, never clean, and no incident", async () => {
  const before = live();
  const pair = ["--symbol", "BTCUSDT", "--threshold", "50", "--ouroboros-mode", "month"];
  const { unknowns, verdict } = documentOf(await look([...pair, "--json"]));
  assert.deepEqual(
    [verdict, unknowns.map(({ kind, subject, summary }) => [kind, subject, summary])],
    [
      "unknown",
      [
        [
          "not-looked-at",
          "BTCUSDT",
          "nothing was looked at: range:binance/spot/BTCUSDT@50 resets by year, not by month",
        ],
      ],
    ],
  );
  assert.equal(
    (await look([...pair, "--summary"])).stdout,
    "not known: not-looked-at BTCUSDT: nothing was looked at: range:binance/spot/BTCUSDT@50 resets by year, not by month\n0 series: 1 not known\n",
  );

  const symbols = join(temporaryFolder("unmaintained"), "symbols.toml");
  const disabled = minimalRegistry().replace(/^.*\n/, "").replace("BTCUSDT", "XLMUSDT");
  writeFileSync(symbols, minimalRegistry() + disabled.replace("enabled = true", "enabled = false"));
  const both = await look(["--symbol", "BTCUSDT", "--symbol", "XLMUSDT", "--threshold", "50", "--summary"], {
    symbols,
  });
  assert.equal(both.code, 2);
  assert.match(
    both.stdout,
    /^not known: not-looked-at XLMUSDT: .*XLMUSDT@50 is not maintained: .*disabled[^]*\n1 series: 1 not known\n$/,
  );
  const tier = await look(["--tier1-only"], { symbols });
  assert.equal(tier.code, 2);
  assert.match(tier.stdout, /^not known: not-looked-at selection: nothing was looked at: .*tier 1/m);
  assert.deepEqual(live(), before);
});

test("--summary prints findings and totals alone", async () => {
  const asked = [
    "--no-notify",
    "--min-gap-hours",
    "1",
    "--symbol",
    "BTCUSDT",
    "--threshold",
    "50",
    "--threshold",
    "250",
  ];
  const all = await look(asked);
  assert.match(all.stdout, /^series +bars +days[^]*^listed: /m);
  const summary = await look([...asked, "--summary"]);
  assert.equal(summary.code, all.code);
  const lines = summary.stdout.trim().split("\n");
  assert.equal(lines.length, 2, summary.stdout);
  assert.match(lines[0] ?? "", /^gap-leading range:binance\/spot\/BTCUSDT@250: /);
  assert.match(lines[1] ?? "", /^2 series, \d+ bars: 1 findings$/);
  assert.ok(all.stdout.endsWith(summary.stdout));
});

/** So many hours behind the archive's end as it is now on this machine, whose clock a queue's tasks have. */
function hoursUntilNow(): number {
  return (Date.now() - dayStartMs(addDays(bench.lastDay, 1))) / 3_600_000;
}

test("--check-backfill-queue of a fleet without hosts is not known, with what to do; never clean", async () => {
  const before = live();
  const fleet = join(temporaryFolder("empty-fleet"), "fleet.toml");
  writeFileSync(fleet, "[hosts]\n");
  const words = ["--check-backfill-queue", "--fleet", fleet];
  const { code, stdout } = await look([...words, "--json"]);
  const { verdict, unknowns, findings, backfill_queue: queue } = documentOf({ stdout });
  assert.deepEqual([code, verdict, findings, queue], [2, "unknown", [], undefined]);
  assert.deepEqual(
    unknowns.map(({ kind, subject }) => [kind, subject]),
    [["not-looked-at", "queues"]],
  );
  const told = await look([...words, "--summary"]);
  assert.equal(told.code, 2);
  assert.match(told.stdout, /^not known: not-looked-at queues: .*empty-fleet.*names no host; add \[hosts\.NAME\]/);
  assert.match(told.stdout, /\n1 series: 1 not known\n$/);
  assert.deepEqual(live(), before, "it is no incident");
});

test("--check-backfill-queue: queues in which too much waits or something runs for too long are findings, one that cannot be asked is unknown", async () => {
  const folder = temporaryFolder("queues");
  const fleet = join(folder, "fleet.toml");
  const host = `[hosts.here]\nssh = "local"\ndirectory = "here"\nqueue = "local"\nmemory_mb = 1000\njobs_max = 1\n`;
  writeFileSync(fleet, host);
  const words = ["--check-backfill-queue", "--fleet", fleet, "--json", "--no-notify"];
  const queue = new LocalQueue(join(folder, "here", "queue"), "here");
  await queue.ensureGroups([{ name: "p2", parallel: 1 }]);
  const job = (threshold: number): QueueJob => shellJob(folder, `BTCUSDT@${threshold}:2024#1~0f9c`, "exec sleep 600");
  const counted = async (count: number): Promise<void> => {
    await queue.enqueue(Array.from({ length: count }, (_, i) => job(250 + i)));
    await eventually("one runs", async () => (await queue.poll()).tasks.some(({ state }) => state.kind === "running"));
  };
  try {
    assert.equal(documentOf(await look(["--json", "--no-notify"])).backfill_queue, undefined, "who does not ask");
    const idle = await look(words);
    assert.equal(idle.code, 0, idle.stdout);
    assert.deepEqual(documentOf(idle).backfill_queue, {
      by_status: {},
      oldest_pending: null,
      max_running_hours: null,
      is_healthy: true,
    });

    await counted(51);
    const busy = documentOf(await look(words, { hours: hoursUntilNow() }));
    assert.deepEqual(
      [busy.verdict, busy.backfill_queue?.by_status, busy.backfill_queue?.is_healthy],
      ["clean", { running: 1, waiting: 50 }, true],
    );

    await counted(52);
    const full = await look(words, { hours: hoursUntilNow() });
    assert.equal(full.code, 1);
    const [finding] = documentOf(full).findings;
    assert.deepEqual(
      [finding?.kind, finding?.subject, finding?.summary],
      ["host-unsound", "host:here", "51 jobs wait in its queue"],
    );

    const { tasks } = await queue.poll();
    await queue.cancel(
      tasks.filter(({ state }) => state.kind !== "running"),
      "kill",
    );
    const long = documentOf(await look(words, { hours: hoursUntilNow() + 4.1 }));
    assert.match(long.findings[0]?.summary ?? "", /^BTCUSDT@250:2024 runs for more than 4 h$/);
    assert.equal(long.backfill_queue?.max_running_hours, 4.1);

    writeFileSync(
      fleet,
      `[hosts.gone]\nssh = "gone"\ndirectory = "/srv/barkeep"\nqueue = "pueue"\nmemory_mb = 1000\njobs_max = 1\nstore_url = "http://localhost:8123"\n`,
    );
    const config = join(folder, "ssh_config");
    writeFileSync(config, `Host gone\n  HostName 127.0.0.1\n  Port ${await freePort()}\n`);
    const away = await look([...words, "--ssh-config", config]);
    assert.equal(away.code, 2, away.stdout);
    assert.deepEqual(
      documentOf(away).unknowns.map(({ kind, subject }) => [kind, subject]),
      [["host-unreachable", "host:gone"]],
    );
  } finally {
    await queue.cancel((await queue.poll()).tasks, "kill");
  }
});

/** The one incident that is not over. */
function openGap(state: string): Incident {
  using ledger = openLedger(state);
  const [incident, ...others] = ledger.incidents.live();
  assert.ok(incident !== undefined && others.length === 0);
  return incident;
}

test("an absence that a person accepts is listed with the name, until it ends", async () => {
  const other = new Bench({ days: 12, perDay: 40 });
  const gone = addDays(other.firstDay, 2);
  const next = addDays(other.lastDay, 1);
  other.archive.remove(gone);
  await other.populate();
  const place = ["--symbols", other.symbols, "--state", other.state];
  const asked = async (hours: number, ...more: readonly string[]): Promise<Ran> => {
    mock.timers.enable({ apis: ["Date"], now: dayStartMs(addDays(other.lastDay, 1)) + hours * 3_600_000 });
    try {
      const words = ["--archive", other.archive.root, "--json", "--max-stale-hours", "9000", ...more];
      return await ran(detectGaps, [...place, ...words]);
    } finally {
      mock.timers.reset();
    }
  };
  const before = documentOf(await asked(6));
  assert.deepEqual([before.series_gaps[0]?.cause, before.series_gaps[0]?.from_day], ["missing-upstream", gone]);
  const found = openGap(other.state);
  const later = documentOf(await asked(6.5)).series_gaps[0];
  const absence = {
    since: `${next}T06:00:00.000Z`,
    asked_at: `${next}T06:30:00.000Z`,
    published_through: other.lastDay,
  };
  assert.deepEqual(later?.absence, absence);
  assert.match(later.proof, new RegExp(`these days are not published: absent since ${next} 06:00 UTC, while later`));
  const still = openGap(other.state);
  assert.deepEqual(
    [still.summary, still.badLooks, still.timesSaid],
    [found.summary, 2, 1],
    "what is said does not change with the time of the look",
  );
  assert.deepEqual(
    [still.evidence["absent_since"], still.evidence["last_asked"], still.evidence["published_through"]],
    [`${next} 06:00 UTC`, `${next} 06:30 UTC`, other.lastDay],
  );
  const at = async (command: Command, words: readonly string[]): Promise<Ran> => {
    mock.timers.enable({ apis: ["Date"], now: dayStartMs(addDays(other.lastDay, 1)) });
    try {
      return await ran(command, [...words, ...place]);
    } finally {
      mock.timers.reset();
    }
  };
  const reason = ["--reason", "it never came", "--days", "30"];
  const future = await at(acceptMissing, ["BTCUSDT", gone, addDays(other.lastDay, 2), ...reason]);
  assert.equal(future.code, 3);
  assert.match(future.stderr, /still to come[^]*\(FUTURE_DAY\)/);
  const wide = await at(acceptMissing, ["BTCUSDT", gone, next, ...reason, "--plan"]);
  assert.equal(wide.code, 0, wide.stderr);
  assert.match(
    wide.stdout,
    /\nwarning: .*, 9 days: published as far as is remembered of .*: what is there is a gap all the same\n$/,
  );
  assert.equal((await at(syncLedger, [])).code, 0);
  const known = await at(acceptMissing, ["BTCUSDT", gone, next, ...reason, "--plan"]);
  assert.match(
    known.stdout,
    /would be accepted.*\nevidence: .*\nwarning: .* 9 days: the store has it: nothing is missing there\n$/,
  );
  const there = await at(acceptMissing, ["BTCUSDT", next, ...reason, "--plan"]);
  assert.match(
    there.stdout,
    /\nevidence: no look has found these days absent: nothing on record shows that they are\n/,
  );
  const asDocument = await at(acceptMissing, ["BTCUSDT", gone, next, ...reason, "--plan", "--json"]);
  const { evidence } = z.object({ evidence: z.unknown() }).parse(JSON.parse(asDocument.stdout));
  assert.deepEqual(evidence, { days: [gone], ...absence });
  assert.deepEqual(documentOf(await asked(6)).explained, [], "a plan accepts nothing");
  assert.equal((await at(status, [])).code, 1);
  const accepted = await at(acceptMissing, ["BTCUSDT", gone, ...reason]);
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.doesNotMatch(accepted.stdout, /warning/);
  assert.match(
    accepted.stdout,
    new RegExp(
      `\nevidence: ${gone}: absent since ${next} 06:00 UTC, while later days are there; last asked for ${next} 06:00 UTC; what is published reaches to ${other.lastDay}\n$`,
    ),
  );
  const whole = await at(status, []);
  assert.equal(whole.code, 0, whole.stdout);
  assert.match(whole.stdout, /ids \d+ … \d+ are missing between .*, as accepted/);
  const during = await asked(7);
  assert.equal(during.code, 0, during.stdout);
  const [listed] = documentOf(during).explained;
  assert.match(
    listed?.reason ?? "",
    /^not published, absent since .* UTC, while later days are there; accepted by .*@.* until .*: it never came$/,
  );
  assert.deepEqual(listed?.absence, { ...absence, asked_at: `${next}T07:00:00.000Z` });
  const told = await at(explain, ["BTCUSDT@50", "--archive", other.archive.root]);
  assert.equal(told.code, 0, told.stdout);
  assert.match(
    told.stdout,
    new RegExp(
      `${gone} are not there: not published, absent since .*: it never came\\. They were last asked for ${next} 00:00 UTC; what is published reaches to ${other.lastDay}\\.`,
    ),
  );
  const [hole, ...others] = documentOf(during).trade_id_gaps;
  assert.deepEqual([hole?.classification, hole?.missing_trades, others], ["accepted", "40", []]);
  assert.match(hole?.known_gap_reason ?? "", /^accepted by .*@.* until .*: it never came$/);
  assert.equal(documentOf(during).trade_id_unregistered_count, 0, "clean for readers of the older document too");
  const bars = await asked(7, "--exhaustive");
  assert.equal(bars.code, 0, bars.stdout);
  const holes = documentOf(bars).gaps.filter(({ proof }) => proof !== "contiguous");
  assert.deepEqual(
    holes.map(({ proof, gap_hours: hours }) => [proof, hours > 24]),
    [["accepted", true]],
  );
  const expired = await asked(31 * 24);
  assert.equal(expired.code, 1);
  assert.equal(documentOf(expired).trade_id_unregistered_count, 1);
  const recent = await asked(31 * 24, "--recent-days", "32");
  assert.equal(recent.code, 0, "the hole lies in front of the window");
  assert.deepEqual(documentOf(recent).trade_id_gaps, []);
  other.archive.putLines(gone, linesOf(walkOf(gone, 1000 + 2 * 40, 40)));
  assert.equal((await asked(8)).code, 1, "what has come since is a gap");
  assert.equal((await at(status, [])).code, 1);
  const late = await at(acceptMissing, ["BTCUSDT", gone, ...reason]);
  assert.match(
    late.stdout,
    /warning: .*: published as far as is remembered of .*: what is there is a gap all the same\n$/,
  );
});

test("S-20 a store that is down, silent, or lost on the way: exit 2 and not known, never clean", async () => {
  proxy.heal();
  const fine = await look(["--json", "--exhaustive"]);
  const requests = proxy.seen;
  const unknown = async (storeUrl: string, context: string): Promise<void> => {
    const outcome = await look(["--json", "--exhaustive", "--no-notify"], { storeUrl });
    assert.equal(outcome.code, 2, `${context}: ${outcome.stdout}${outcome.stderr}`);
    const document = documentOf(outcome);
    assert.deepEqual([document.verdict, document.unknowns[0]?.kind], ["unknown", "store-unreachable"], context);
    assert.ok(!outcome.stdout.includes(served.password), context);
    assert.match(
      (await look(["--no-notify"], { storeUrl })).stdout,
      /not known: store-unreachable .*\n0 series: 1 not known/,
    );
  };
  await unknown(`http://127.0.0.1:${await freePort()}/?request_timeout=400`, "down");
  const faults: readonly StoreFault[] = ["silent", "reset", "cut", "bad-gateway", "stranger"];
  for (const fault of faults) {
    for (const behind of fault === "stranger" ? [0] : new Set([0, requests >> 1, requests - 1])) {
      proxy.fail(fault, behind);
      await unknown(`${url}/?request_timeout=400`, `${fault} behind ${behind}`);
    }
  }
  proxy.heal();
  assert.deepEqual(documentOf(await look(["--json", "--exhaustive"])).verdict, documentOf(fine).verdict);
});

test("no store: exit 2, not known, and nothing is made", async () => {
  const state = join(temporaryFolder("no-store"), "state");
  const outcome = await ran(detectGaps, ["--state", state, "--symbols", bench.symbols, "--json"]);
  assert.equal(outcome.code, 2);
  assert.equal(documentOf(outcome).unknowns[0]?.evidence["code"], "STORE_ABSENT");
  assert.ok(!existsSync(state));
});

/** Kinds of incidents that are not over. */
function live(): string[] {
  using ledger = openLedger(bench.state);
  return ledger.incidents.live().map(({ kind }) => kind);
}

test("no look ends what it was not asked to find: longer times, other figures, a pair that was asked for by name", async () => {
  await look(["--strict-time", "--min-gap-hours", "10"]);
  const long = live();
  assert.ok(long.length > 0 && long.every((kind) => kind === "duration-anomaly"));
  for (const words of [[], ["--exhaustive"], ["--strict-time", "--min-gap-hours", "100"], ["--strict-price"]]) {
    await look(words);
    assert.deepEqual(live(), long, words.join(" "));
  }
  const pair = ["--symbol", "BTCUSDT", "--threshold", "750"];
  await look(pair);
  await look([]);
  assert.deepEqual(live().toSorted(), [...long, "gap-leading"].toSorted());
});

test("an archive that is another one, empty or away ends no gap at an edge, and is not known", async () => {
  const own = new Bench({ days: 3, perDay: 100 });
  assert.equal((await own.populate(["--end-date", own.firstDay])).code, 0);
  const looked = async (archive: string): Promise<[number, string[]]> => {
    const words = ["detect-gaps", "--json", "--archive", archive];
    const { code } = await own.run(words, clockAt(`${addDays(own.lastDay, 1)}T06:00:00Z`));
    using ledger = openLedger(own.state);
    return [code, ledger.incidents.live().map(({ kind, state }) => `${kind} ${state}`)];
  };
  assert.deepEqual(await looked(own.archive.root), [1, ["gap-trailing open"]]);
  const empty = temporaryFolder("empty-archive");
  mkdirSync(join(empty, "data"));
  for (const elsewhere of [empty, `http://127.0.0.1:${await freePort()}`, join(empty, "nowhere")]) {
    const [code, live] = await looked(elsewhere);
    assert.deepEqual([code, live[0]], [2, "gap-trailing open"], elsewhere);
  }
  assert.equal((await own.populate()).code, 0);
  assert.deepEqual((await looked(own.archive.root))[1].slice(0, 1), ["archive-unreachable open"], "seen well once");
  assert.deepEqual(await looked(own.archive.root), [0, []]);
});

test("a day that only the fastest series has is asked for its digest too", async () => {
  const own = new Bench({ days: 4, perDay: 100 });
  assert.equal((await own.populate()).code, 0);
  assert.equal((await own.populate(["--threshold", "100", "--end-date", own.firstDay])).code, 0);
  own.archive.putLines(
    own.lastDay,
    linesOf(walkOf(own.lastDay, 1000 + 3 * 100, 100)).map((line) => line.replace(/True$/, "False")),
  );
  const words = ["detect-gaps", "--json", "--archive", own.archive.root];
  const { stdout } = await own.run(words, clockAt(`${addDays(own.lastDay, 1)}T06:00:00Z`));
  const { series_gaps: gaps } = detectGapsSchema.parse(JSON.parse(stdout));
  assert.deepEqual(
    gaps.map(({ kind, unit, from_day: day }) => [kind, unit, day]),
    [
      ["revised", "BTCUSDT@50:2024", own.lastDay],
      ["trailing", "BTCUSDT@100:2024", addDays(own.firstDay, 1)],
    ].toSorted((a, b) => (a[1] ?? "").localeCompare(b[1] ?? "")),
  );
});
