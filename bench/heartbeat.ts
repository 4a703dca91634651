import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { clockAt } from "../test/rig/clock.ts";
import { RigHost, skipWithoutFleet } from "../test/rig/fleet.ts";
import { ServedStoreProcess } from "../test/rig/serve.ts";
import { runChild, type ChildRun } from "./child.ts";
import { withScratchFolder } from "./folders.ts";
import { seriesCount, type GapStore } from "./gap-store.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { peakFigure } from "./peak.ts";
import { launcher } from "./populate-run.ts";
import { registryOf } from "./registry.ts";
import { summary } from "./statistics.ts";

const program = fileURLToPath(import.meta.resolve("./programs/make-healthy-store.ts"));
const bench = "heartbeat";
const fleet: GapStore = {
  symbols: 18,
  thresholds: [250, 500, 750, 1000],
  firstYear: 2017,
  lastYear: 2024,
  barsPerDay: 2,
};
const small: GapStore = { ...fleet, symbols: 2, firstYear: 2023 };
const hostName = "bench";

/** `barkeep heartbeat --once` where all is well: 72 series of eight years, one host over SSH with its queue. */
export async function* measureHeartbeat(setting: Setting): AsyncGenerator<Line> {
  const size = setting.quick ? small : fleet;
  const what = `heartbeat of ${seriesCount(size)} series and a host over SSH`;
  if (skipWithoutFleet !== false) {
    yield { bench, what, skipped: skipWithoutFleet };
    return;
  }
  const { served, embedded } = await withScratchFolder(async (scratch) =>
    measure(scratch, size, setting.quick ? 2 : 7),
  );
  for (const { how, runs, megabytes } of [
    { how: "store over HTTP", runs: served, megabytes: 250 },
    { how: "engine in process", runs: embedded, megabytes: 450 },
  ]) {
    yield figure(setting, {
      bench,
      what: `${what}, ${how}`,
      unit: "s",
      summary: summary(
        runs.map(({ seconds }) => seconds),
        "low",
      ),
      target: { at_most: 3 },
    });
    yield peakFigure(setting, {
      bench,
      what: `${what}, ${how}: memory`,
      samples: runs.map(({ peakBytes = Number.NaN }) => peakBytes / 1e6),
      target: { at_most: megabytes },
    });
  }
}

/** Every run ends with 0, or it is none: all was looked at, and all is well. */
async function measure(
  scratch: string,
  size: GapStore,
  runs: number,
): Promise<{ served: ChildRun[]; embedded: ChildRun[] }> {
  const state = join(scratch, "state");
  const environment = { UV_THREADPOOL_SIZE: "16" };
  await runChild(process.execPath, [program, JSON.stringify({ state, size })], { environment });
  const symbols = Array.from({ length: size.symbols }, (_, i) => `S${i}USDT`);
  const registry = registryOf(symbols).replaceAll("2010-01-01", `${size.firstYear}-01-01`);
  writeFileSync(join(scratch, "symbols.toml"), registry);
  await using host = await RigHost.start(hostName);
  writeFileSync(
    join(scratch, "fleet.toml"),
    `[hosts.${hostName}]\nssh = "${hostName}"\ndirectory = "${host.directory}"\nqueue = "pueue"\nmemory_mb = 8000\njobs_max = 2\nstore_url = "http://localhost:8123"\n`,
  );
  const words = ["heartbeat", "--once", "--state", state, "--symbols", join(scratch, "symbols.toml")];
  const beat = async (more: Readonly<Record<string, string>>): Promise<ChildRun> =>
    runChild(process.execPath, [launcher, ...words, "--ssh-config", host.sshd.configFile], {
      environment: { ...environment, ...clockAt(`${size.lastYear + 1}-01-01T05:00:00Z`), ...more },
    });
  // The first one mirrors all of the store's coverage into the ledger.
  await beat({});
  const embedded: ChildRun[] = [];
  for (let i = 0; i < runs; i += 1) embedded.push(await beat({}));
  const served: ChildRun[] = [];
  await using store = await ServedStoreProcess.start(state);
  for (let i = 0; i < runs; i += 1) served.push(await beat(store.env));
  return { served, embedded };
}
