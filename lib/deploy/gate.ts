import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { FleetHost } from "../config/index.ts";
import type { ExecResult, Host } from "../hosts/index.ts";
import { RefusedError } from "../model/errors.ts";
import { releaseFolder, releasePrograms } from "./programs.ts";

/** User and password of the host's store; neither may stand in a list of processes. */
export interface StoreLogin {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

export interface GateResult {
  readonly version: string;
  readonly bars: string;
  readonly digest: string;
}

const versionTimeoutMs = 5 * 60_000;
const canaryTimeoutMs = 15 * 60_000;

const canaryAnswer = z.object({ bars: z.string(), digest: z.string(), isWell: z.literal(true) });

/**
 * Does a release work on its host? It starts, and its canary comes out as it should in the host's own store, or where the host has none
 * in an embedded one that is thrown away.
 * @throws RefusedError DEPLOY_GATE with what it said
 */
export async function passGate(
  host: Host,
  { directory, storeUrl }: FleetHost,
  name: string,
  login: StoreLogin,
): Promise<GateResult> {
  const folder = releaseFolder(directory, name);
  const { barkeep } = releasePrograms(folder);
  const started = await host.exec([...barkeep, "--version"], { cwd: folder, timeoutMs: versionTimeoutMs });
  if (started.code !== 0) throw gateFailure(host.name, name, `it does not start: ${lastWords(started)}`);

  const scratch = `${directory}/releases/.canary-${randomBytes(6).toString("hex")}.tmp`;
  const inShell = async (command: string): Promise<void> => {
    await host.exec(["sh", "-c", command, "sh", scratch], { cwd: "/", timeoutMs: versionTimeoutMs });
  };
  await inShell('mkdir -m 700 -- "$1"');
  try {
    const settingsFile = `${scratch}/settings.toml`;
    const settings = {
      BARKEEP_STATE: `${scratch}/state`,
      CLICKHOUSE_URL: storeUrl,
      CLICKHOUSE_USER: login.user,
      CLICKHOUSE_PASSWORD: login.password,
    };
    await host.writeFile(settingsFile, settingsText(settings));
    const canary = await host.exec([...barkeep, "canary", "--json"], {
      cwd: folder,
      env: { BARKEEP_SETTINGS: settingsFile },
      timeoutMs: canaryTimeoutMs,
    });
    const answer = canary.code === 0 ? canaryAnswer.safeParse(JSON.parse(canary.stdout)) : undefined;
    if (answer?.success !== true) {
      throw gateFailure(host.name, name, `its canary failed: ${lastWords(canary)}`);
    }
    return { version: started.stdout.trim(), bars: answer.data.bars, digest: answer.data.digest };
  } finally {
    await inShell('rm -rf -- "$1"');
  }
}

/** TOML's basic strings are written as JSON's. */
function settingsText(values: Readonly<Record<string, string | undefined>>): string {
  const lines = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${JSON.stringify(value)}\n`],
  );
  return `[env]\n${lines.join("")}`;
}

function lastWords({ code, signal, stderr, stdout }: ExecResult): string {
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-6).join("\n");
  return said === "" ? `it said nothing and ended by ${signal ?? `exit code ${code}`}` : said;
}

function gateFailure(host: string, name: string, what: string): RefusedError {
  return new RefusedError(`release ${name} does not work on ${host}: ${what}`, {
    code: "DEPLOY_GATE",
    subject: host,
    hint: "the release before is still current there; put right what it says, then deploy again",
  });
}
