import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { projectRoot, temporaryFolder, type Outcome } from "../ops/run.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { Bench, newState } from "../rig/bench.ts";
import { BotApi } from "../rig/bot-api.ts";
import { clockAt } from "../rig/clock.ts";
import { skipWithoutFleet } from "../rig/fleet.ts";
import { HttpRecorder } from "../rig/http-recorder.ts";
import { ServedStoreProcess } from "../rig/serve.ts";

/** What a production host has in its environment, and what would send messages if anything looked at it. */
const production = {
  BARKEEP_NOTIFY: "telegram,webhook,ping",
  BARKEEP_WEBHOOK_URL: "https://hooks.example/barkeep",
  BARKEEP_PING_URL: "https://pings.example/uuid",
  RANGEBAR_TELEGRAM_TOKEN: "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
  RANGEBAR_TELEGRAM_CHAT_ID: "-1001234567890",
  PUSHOVER_API_TOKEN: "azGDORePK8gMaC0QOYAMyEEuzJnyUi",
  PUSHOVER_USER_KEY: "uQiRzpo4DXghDmr9QzzfQu27cmVRsG",
  RANGEBAR_ENV: "production",
  RANGEBAR_CH_HOSTS: "bigblack",
  RANGEBAR_CH_PRIMARY: "bigblack",
};

const preload = pathToFileURL(join(import.meta.dirname, "..", "rig", "record-connects.mjs")).href;

/** Every process writes where it connects to; a connection to anywhere but this host is refused besides. */
class Wire {
  readonly folder = temporaryFolder("wire");
  readonly env = { ...production, NODE_OPTIONS: `--import=${preload}`, CONNECTS_FOLDER: this.folder };

  seen(): string[] {
    return readdirSync(this.folder).flatMap((name) =>
      readFileSync(join(this.folder, name), "utf8").split("\n").filter(Boolean),
    );
  }
}

test("S-33 commands with a production environment connect to what they are given and to nothing else", async () => {
  const wire = new Wire();
  const bench = new Bench();
  await using server = new ArchiveServer(bench.archive.root);
  const url = await server.start();
  await using served = await ServedStoreProcess.start(newState());
  const env = { ...served.env, ...wire.env };
  // One that ends well, one with findings, one that is refused: whatever there is to tell is told here.
  server.faults.set(`${bench.lastDay}.zip`, { kind: "wrong-bytes", times: 2 });
  assert.equal((await bench.populate([], url, env)).code, 1);
  assert.equal((await bench.populate([], url, env)).code, 0);
  assert.equal((await bench.populate(["--symbol", "NOPEUSDT"], url, env)).code, 3);
  for (const words of [["status"], ["verify", "BTCUSDT@50"], ["doctor"], ["rebuild", "all", "--archive", url]]) {
    const outcome = await bench.run(words, env);
    assert.ok([0, 1].includes(outcome.code), outcome.stderr);
  }
  const seen = wire.seen();
  const ports = new Set([url, served.url].map((one) => `connect 127.0.0.1:${new URL(one).port}`));
  assert.deepEqual(new Set(seen), ports);
});

test("S-33 tests that are run with a production environment send nothing", async () => {
  const wire = new Wire();
  const files = ["test/sources/http.test.ts", "test/command/answers.test.ts"];
  const run = await execa(process.execPath, ["--test", ...files], {
    cwd: projectRoot,
    env: { ...wire.env, UV_THREADPOOL_SIZE: "16", NODE_TEST_CONTEXT: undefined },
    reject: false,
  });
  assert.equal(run.exitCode, 0, run.stdout);
  const seen = wire.seen();
  assert.ok(seen.length > 0, "nothing was recorded");
  assert.deepEqual(
    seen.filter((line) => !line.startsWith("connect 127.0.0.1:")),
    [],
  );
});

const scriptsShape = z.object({ scripts: z.record(z.string(), z.string()) });

test("S-33 what npm runs beside the tests has sending switched off, as the tests have", () => {
  const { scripts } = scriptsShape.parse(JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")));
  const beside = Object.entries(scripts).filter(([name]) => name === "rig" || name.startsWith("test:"));
  assert.deepEqual(beside.map(([name]) => name).toSorted(), ["rig", "test:crash", "test:inject", "test:vm"]);
  for (const [name, script] of beside) assert.match(script, / && env BARKEEP_NOTIFY=off (INJECTIONS=\d+ )?node /, name);
});

test(
  "S-33 the environment that `npm run rig` prints leads to the rig, and switches sending off",
  { skip: skipWithoutFleet },
  async () => {
    const rig = spawn(process.execPath, [join(projectRoot, "test/rig/up.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(rig, "exit");
    try {
      const [, file = ""] = /^in another shell: source (.*)$/m.exec(String(await once(rig.stdout, "data"))) ?? [];
      // In a shell of a machine that sends.
      const words = `source '${file}' && exec '${process.execPath}' bin/barkeep.mjs "$@"`;
      const inShell = async (
        ...argv: readonly string[]
      ): Promise<{ exitCode?: number | undefined; stderr: string; stdout: string }> =>
        execa("bash", ["-c", words, "bash", ...argv], { cwd: projectRoot, env: production, reject: false });
      const hosts = await inShell("status", "--all-hosts");
      assert.equal(hosts.exitCode, 0, hosts.stderr);
      assert.match(hosts.stdout, /^alpha \(pueue\)[^]*^beta \(pueue\)/m);
      const told = await inShell("notify", "test");
      assert.equal(told.exitCode, 4);
      assert.match(told.stderr, /\(NOTIFY_OFF\)/);
    } finally {
      rig.kill("SIGINT");
      await ended;
    }
  },
);

test("S-33 the record sees a message that is sent", async () => {
  const wire = new Wire();
  const program = 'fetch("https://api.telegram.org/bot/sendMessage").catch(() => process.exit(7))';
  const run = await execa(process.execPath, ["-e", program], { env: wire.env, reject: false });
  assert.equal(run.exitCode, 7);
  assert.deepEqual(wire.seen(), ["connect api.telegram.org:443"]);
});

test("S-33 with every channel configured and the switch off nothing arrives, whatever is found; nor of a dry run, with it on", async () => {
  await using bot = await new BotApi().start();
  await using others = await new HttpRecorder().start();
  const bench = new Bench();
  const built = await bench.populate(["--end-date", bench.firstDay]);
  assert.equal(built.code, 0, built.stderr);
  const configured = {
    ...bot.env,
    BARKEEP_WEBHOOK_URL: `${others.url}/hook`,
    BARKEEP_PING_URL: `${others.url}/ping`,
    BARKEEP_SETTINGS: "off",
  };
  let minute = 10;
  /** A minute behind the one before. */
  const run = async (words: readonly string[], BARKEEP_NOTIFY: string): Promise<Outcome> => {
    const clock = clockAt(`2024-03-07T03:${(minute += 1)}:00Z`);
    return bench.run([...words, "--archive", bench.archive.root], { ...configured, ...clock, BARKEEP_NOTIFY });
  };
  const arrived = (): string[] => [...bot.requests, ...others.requests.map(({ path }) => path)];

  for (const off of ["", "off"]) {
    for (const words of [["detect-gaps"], ["heal", "--dry-run"], ["heartbeat", "--once"]]) {
      const { code, stdout, stderr } = await run(words, off);
      assert.equal(code, 1, `${words.join(" ")}: ${stdout}${stderr}`);
      assert.match(stdout, /trailing/, "there is something to say");
    }
    const refused = await run(["notify", "test"], off);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /\(NOTIFY_OFF\)/);
  }
  assert.deepEqual(arrived(), []);
  {
    using ledger = openExistingLedger(bench.state);
    assert.equal(ledger.outbox.pending(), 1, "it waits for a machine that may send");
  }

  const on = "telegram,webhook,ping";
  const silent = [
    ["detect-gaps", "--no-notify"],
    ["heal", "--dry-run"],
  ];
  for (const words of silent) assert.equal((await run(words, on)).code, 1);
  assert.deepEqual(arrived(), [], "these look, and send nothing");
  assert.equal((await run(["detect-gaps"], on)).code, 1);
  assert.deepEqual(arrived(), ["sendMessage", "/hook"], "what it has put there, and what has waited");
  assert.equal((await run(["heartbeat", "--once"], on)).code, 1);
  assert.deepEqual(new Set(arrived()), new Set(["getUpdates", "sendMessage", "/ping/start", "/hook", "/ping"]));
  assert.equal(bot.messages.length, 1);
});
