import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { parse } from "plist";
import { z } from "zod";
import { barkeep, projectRoot, temporaryFolder, type Outcome } from "./run.ts";

/** An account on a Mac: a home, and a `launchctl` that keeps what is loaded in a folder. */
class Mac {
  readonly home = temporaryFolder("mac-home");
  readonly state = join(temporaryFolder("mac-state"), "state with space");
  readonly #bin = temporaryFolder("mac-bin");
  readonly #loaded = temporaryFolder("mac-loaded");
  readonly #refuses = join(temporaryFolder("mac-refuses"), "bootstrap");

  constructor() {
    writeFileSync(
      join(this.#bin, "launchctl"),
      `#!/bin/sh
name=$(basename "$2")
case "$1" in
  print) [ -e "${this.#loaded}/$name" ] || exit 113; printf '\\tlast exit code = 0\\n' ;;
  bootout) [ -e "${this.#loaded}/$name" ] || exit 3; rm "${this.#loaded}/$name" ;;
  bootstrap) [ -e "${this.#refuses}" ] && { echo "Bootstrap failed: 5" >&2; exit 5; }
    [ "\${2#gui/}" != "$2" ] && : > "${this.#loaded}/$(basename "$3" .plist)" ;;
esac
`,
      { mode: 0o755 },
    );
  }

  get agents(): string {
    return join(this.home, "Library", "LaunchAgents");
  }

  get agent(): string {
    return join(this.agents, "barkeep.heartbeat.plist");
  }

  isLoaded(label: string): boolean {
    return existsSync(join(this.#loaded, label));
  }

  /** Whether its launchd takes no agent. */
  set isRefusing(isRefusing: boolean) {
    if (isRefusing) writeFileSync(this.#refuses, "");
    else rmSync(this.#refuses);
  }

  /** The older heartbeat, as it is on machines that have it. */
  addOlder(): string {
    const path = join(this.agents, "com.eonlabs.rangebar-heartbeat.plist");
    mkdirSync(this.agents, { recursive: true });
    writeFileSync(path, "<plist/>");
    writeFileSync(join(this.#loaded, "com.eonlabs.rangebar-heartbeat"), "");
    return path;
  }

  async run(...words: readonly string[]): Promise<Outcome> {
    const env = {
      HOME: this.home,
      PATH: `${this.#bin}${delimiter}${process.env["PATH"]}`,
      BARKEEP_NOTIFY: "telegram",
      TELEGRAM_BOT_TOKEN: "1:a-secret",
      TELEGRAM_CHAT_ID: "-7",
    };
    return barkeep(["heartbeat", ...words, "--scheduler", "launchd", "--state", this.state], env);
  }
}

const agentShape = z.strictObject({
  Label: z.literal("barkeep.heartbeat"),
  ProgramArguments: z.array(z.string()),
  WorkingDirectory: z.string(),
  EnvironmentVariables: z.strictObject({ BARKEEP_SETTINGS: z.string() }),
  StartInterval: z.literal(900),
  RunAtLoad: z.literal(true),
  ProcessType: z.literal("Background"),
  StandardOutPath: z.string(),
  StandardErrorPath: z.string(),
});

test("launchd: the agent is written, loaded, reported and removed; its settings are a file of this user's alone", async () => {
  const mac = new Mac();
  const installed = await mac.run("install");
  assert.equal(installed.code, 0, installed.stderr);
  assert.match(installed.stdout, /launchd: every 15 minutes, loaded/);
  const path = mac.agent;
  const agent = agentShape.parse(parse(readFileSync(path, "utf8")));
  assert.deepEqual(agent.ProgramArguments.slice(1), [
    join(projectRoot, "bin", "barkeep.mjs"),
    "heartbeat",
    "--once",
    "--every",
    "15",
  ]);
  assert.ok(!readFileSync(path, "utf8").includes("a-secret"));
  const settings = agent.EnvironmentVariables.BARKEEP_SETTINGS;
  assert.match(readFileSync(settings, "utf8"), /RANGEBAR_TELEGRAM_TOKEN = "1:a-secret"/);
  // What launchd starts works with nothing but these.
  const [node = "", ...words] = agent.ProgramArguments;
  const { stdout } = await execa(node, [words[0] ?? "", "config", "--json"], {
    cwd: agent.WorkingDirectory,
    extendEnv: false,
    env: { ...agent.EnvironmentVariables, HOME: mac.home },
  });
  const values = z.object({ settings: z.array(z.object({ name: z.string(), value: z.string().nullable() })) });
  const found = new Map(values.parse(JSON.parse(stdout)).settings.map(({ name, value }) => [name, value]));
  assert.equal(found.get("stateDirectory"), mac.state);
  assert.equal(found.get("notify"), "telegram");
  assert.equal(found.get("telegramChat"), "-7");
  const status = await mac.run("status");
  assert.match(status.stdout, /loaded; last exit code 0[^]*no pass was ever made/);
  assert.match((await mac.run("uninstall", "--plan")).stdout, /^launchd: every 15 minutes, loaded/);
  assert.equal((await mac.run("uninstall")).code, 0);
  assert.equal(existsSync(path), false);
  assert.equal(mac.isLoaded("barkeep.heartbeat"), false);
  assert.match((await mac.run("uninstall")).stdout, /nothing to remove/);
  assert.equal((await mac.run("status")).code, 1);
});

test("launchd: the older heartbeat is found, and unloaded only when that is asked for", async () => {
  const mac = new Mac();
  const older = mac.addOlder();
  const planned = await mac.run("install", "--plan");
  assert.equal(planned.code, 0, planned.stderr);
  assert.match(planned.stderr, /^it would be refused: the older heartbeat .*--replace.*\(OLDER_HEARTBEAT\)$/m);
  agentShape.parse(parse(planned.stdout));
  const fields = (await mac.run("install", "--plan", "--json")).stdout;
  assert.match(
    fields,
    /"obstacles":\s*\[\s*\{\s*"subject":\s*"[^"]*rangebar-heartbeat\.plist",\s*"code":\s*"OLDER_HEARTBEAT"/,
  );
  assert.doesNotMatch((await mac.run("install", "--plan", "--replace")).stderr, /refused/);
  const refused = await mac.run("install");
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /barkeep heartbeat install --replace[^]*OLDER_HEARTBEAT/);
  assert.ok(mac.isLoaded("com.eonlabs.rangebar-heartbeat") && !mac.isLoaded("barkeep.heartbeat"));
  mac.isRefusing = true;
  const failed = await mac.run("install", "--replace");
  assert.equal(failed.code, 2);
  assert.match(failed.stderr, /Bootstrap failed[^]*LAUNCHD/);
  assert.ok(mac.isLoaded("com.eonlabs.rangebar-heartbeat") && existsSync(older), "one of the two always looks");
  assert.equal(existsSync(mac.agent), false, "the next login does not load what was refused");
  mac.isRefusing = false;
  const replaced = await mac.run("install", "--replace");
  assert.equal(replaced.code, 0, replaced.stderr);
  assert.ok(!mac.isLoaded("com.eonlabs.rangebar-heartbeat") && mac.isLoaded("barkeep.heartbeat"));
  assert.equal(existsSync(older), false, "it is not loaded at the next login either");
  assert.equal(existsSync(`${older}.replaced`), true);
});

test("launchd: an agent that is not taken leaves the one that was there before", async () => {
  const mac = new Mac();
  assert.equal((await mac.run("install")).code, 0);
  const before = readFileSync(mac.agent, "utf8").replace("<integer>900", "<integer>1800");
  writeFileSync(mac.agent, before);
  mac.isRefusing = true;
  assert.equal((await mac.run("install")).code, 2);
  assert.equal(readFileSync(mac.agent, "utf8"), before);
});

/** An account whose `crontab` does what a script says. */
function cronAccount(script: string): (...words: readonly string[]) => Promise<Outcome> {
  const bin = temporaryFolder("cron-bin");
  writeFileSync(join(bin, "crontab"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const state = join(temporaryFolder("cron-state"), "state 100% mine");
  const env = { PATH: `${bin}${delimiter}${process.env["PATH"]}` };
  return async (...words) => barkeep(["heartbeat", ...words, "--scheduler", "cron", "--state", state], env);
}

test("cron: the line is looked for in the account's table; where that cannot be read nobody knows", async () => {
  const table = join(temporaryFolder("crontab"), "table");
  const run = cronAccount(`[ "$1" = -l ] || exit 9
[ -e '${table}' ] || { echo "no crontab for me" >&2; exit 1; }
cat '${table}'`);
  const line = (await run("install")).stdout.trim();
  const state = async (): Promise<unknown[]> => {
    const { code, stdout } = await run("status", "--json");
    return [code, z.object({ installed: z.boolean().nullable() }).parse(JSON.parse(stdout)).installed];
  };
  assert.deepEqual(await state(), [1, false], "there is no table");
  assert.match((await run("uninstall")).stdout, /nothing to remove/);
  writeFileSync(table, `0 * * * * true heartbeat\n# ${line}\n`);
  assert.deepEqual(await state(), [1, false], "a comment runs nothing");
  writeFileSync(table, `MAILTO=me\n${line.replace("*/15", "*/5")}\n`);
  assert.deepEqual(await state(), [0, true]);
  const left = await run("uninstall");
  assert.equal(left.code, 1);
  assert.match(left.stdout, /^take its line out of your crontab, with crontab -e; cron: \*\/5 /);

  const shut = cronAccount("echo 'You (me) are not allowed to use this program (crontab)' >&2; exit 1");
  await shut("install");
  const status = await shut("status", "--json");
  assert.equal(status.code, 2);
  assert.match(status.stdout, /"installed": ?null/);
  const told = await shut("status");
  assert.match(told.stdout, /^cron: .* not known: You \(me\) are not allowed[^]*no pass was ever made/);
  assert.equal((await shut("uninstall")).code, 2);
});

/** Whether this account could install a user unit here and now. */
const isReady = existsSync(join("/var/lib/systemd/linger", userInfo().username));

test("systemd: --plan shows the units of a host that would refuse them, and says why", { skip: isReady }, async () => {
  const state = join(temporaryFolder("no-linger"), "state");
  const words = ["--scheduler", "systemd", "--state", state];
  const plan = await barkeep(["heartbeat", "install", "--plan", ...words]);
  assert.equal(plan.code, 0, plan.stderr);
  assert.match(plan.stdout, /^# barkeep-heartbeat\.service\n[^]*^# barkeep-heartbeat\.timer\n/m);
  assert.match(plan.stderr, /it would be refused: .*loginctl enable-linger.*SERVICES_HOST/);
  const refused = await barkeep(["heartbeat", "install", ...words]);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /SERVICES_HOST/);
  assert.equal(existsSync(state), false);

  const fleet = join(temporaryFolder("no-linger-fleet"), "fleet.toml");
  writeFileSync(
    fleet,
    `[hosts.here]\nssh = "local"\ndirectory = "here"\nqueue = "local"\nmemory_mb = 1000\njobs_max = 1\n`,
  );
  const here = ["services", "install", "check", "--host", "here", "--fleet", fleet, "--state", state];
  const shown = await barkeep([...here, "--plan"]);
  assert.equal(shown.code, 0, shown.stderr + shown.stdout);
  assert.match(
    shown.stdout,
    /^here: barkeep-check\.timer would be new\n(it would be refused: here cannot keep .*\n?)+$/m,
  );
  assert.match((await barkeep([...here, "--plan", "--json"])).stdout, /"code": ?"SERVICES_HOST"/);
  assert.equal((await barkeep(here)).code, 4);
});

test("cron: a line that a shell takes as it is meant, and settings for it", async () => {
  const state = join(temporaryFolder("cron"), "state 100% mine");
  const { code, stdout, stderr } = await barkeep(["heartbeat", "install", "--scheduler", "cron", "--state", state]);
  assert.equal(code, 0, stderr);
  const [line = "", ...others] = stdout.trim().split("\n");
  assert.deepEqual(others, []);
  assert.match(line, /^\*\/15 \* \* \* \* env /);
  assert.match(line, /heartbeat --once --every 15 >> '.*100\\% mine\/logs\/heartbeat\.log' 2>&1$/);
  assert.ok(existsSync(join(state, "services", "settings.toml")));
});

test("--plan shows the property list and changes nothing", async () => {
  const mac = new Mac();
  const { stdout } = await mac.run("install", "--plan");
  agentShape.parse(parse(stdout));
  assert.equal(existsSync(mac.agents), false);
  assert.equal(existsSync(mac.state), false);
});
