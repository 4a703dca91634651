import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { $ } from "zx";
import { z } from "zod";
import { loadRegistry, projectRoot, type Settings } from "../config/index.ts";
import { Failure, RetryableError, UnavailableError } from "../model/errors.ts";
import { barVersion } from "../native/index.ts";
import { HttpClient } from "../sources/archive/http-client.ts";
import { openStore, storeExists, storeVersion, type StoreSettings } from "../store/index.ts";
import { failed, ok, unknown, type Finding } from "./finding.ts";
import { freeBytesLeast } from "./limits.ts";

const threadPoolLeast = 8;

/** Looking at an archive does not wait for one that is away. */
const oneQuickAttempt = { attempts: 1, firstDelayMs: 0, maxDelayMs: 0, stallMs: 10_000, longestWaitMs: 0 };

const setupFindings = z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), fix: z.string() }));

/** Looks at every prerequisite of this machine, this working tree and these settings; changes nothing. */
export async function examine(settings: Settings, store: StoreSettings): Promise<Finding[]> {
  return [
    ...(await checkSetup()),
    checkAddonLoads(),
    checkThreadPool(),
    checkStateDirectory(settings.stateDirectory),
    checkDisk(settings.stateDirectory),
    checkRegistry(settings.symbolsFile),
    await checkStore(store),
    await checkArchive(settings.archive),
  ];
}

/** The tree's own checks are plain JavaScript, which runs before anything is installed. */
async function checkSetup(): Promise<Finding[]> {
  const { stdout } = await $({ quiet: true })`${process.execPath} ${join(projectRoot, "scripts", "setup.mjs")} --check`;
  return setupFindings
    .parse(JSON.parse(stdout))
    .map((one) => (one.ok ? ok(one.name, one.detail) : failed(one.name, one.detail, one.fix)));
}

function checkAddonLoads(): Finding {
  const name = "core loads";
  try {
    return ok(name, `bar version ${barVersion()}`);
  } catch (error) {
    return failed(name, textOf(error), "npm run build");
  }
}

function checkThreadPool(): Finding {
  const size = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
  const name = "thread pool";
  if (size >= threadPoolLeast) return ok(name, `${size} threads`);
  return failed(name, `${size} threads: queries of the embedded engine would block files`, "unset UV_THREADPOOL_SIZE");
}

function checkStateDirectory(path: string): Finding {
  const name = "state directory";
  const place = nearestExisting(path);
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
    return ok(name, place === path ? path : `${path} (will be made)`);
  } catch (error) {
    return failed(name, textOf(error), "change its owner or mode, or name another one with --state or BARKEEP_STATE");
  }
}

function checkDisk(path: string): Finding {
  const { bavail, bsize } = statfsSync(nearestExisting(path));
  const free = bavail * bsize;
  const detail = `${(free / 1e9).toFixed(1)} GB free`;
  if (free >= freeBytesLeast) return ok("disk", detail);
  return failed(
    "disk",
    detail,
    "free some space, or put the state elsewhere with --state; `barkeep mirror gc` bounds it",
  );
}

function checkRegistry(file: string): Finding {
  try {
    return ok("registry", `${loadRegistry(file).symbols.size} symbols in ${file}`);
  } catch (error) {
    return failedBy("registry", error, "correct the file, or name another one with --symbols");
  }
}

async function checkStore(settings: StoreSettings): Promise<Finding> {
  const name = "store";
  // Looking must not make a store.
  if (!storeExists(settings)) return ok(name, `none yet in ${settings.stateDirectory}; the first populate makes it`);
  try {
    const store = await openStore(settings);
    try {
      return ok(name, `ClickHouse ${await storeVersion(store)} at ${store.where}`);
    } finally {
      await store.close();
    }
  } catch (error) {
    const isAway = error instanceof RetryableError || error instanceof UnavailableError;
    const finding = failedBy(name, error, "see the error's own text");
    return isAway ? { ...finding, state: "unknown" } : finding;
  }
}

async function checkArchive(location: string | undefined): Promise<Finding> {
  const name = "archive";
  if (location === undefined) return ok(name, "none set; populate wants --archive or BARKEEP_ARCHIVE");
  const fix = "name the folder or URL that holds data/ in the exchange's layout with --archive or BARKEEP_ARCHIVE";
  if (!/^https?:\/\//.test(location)) {
    return existsSync(join(location, "data")) ? ok(name, location) : failed(name, `${location} holds no data/`, fix);
  }
  const isUp = ok(name, `${location} answers`);
  try {
    await new HttpClient(oneQuickAttempt).ask("HEAD", location, AbortSignal.timeout(10_000), async () => undefined);
    return isUp;
  } catch (error) {
    // Many archives answer their root with 403 or 404; an answer is what counts.
    if (error instanceof RetryableError && error.code === "ARCHIVE_REFUSED") return isUp;
    return unknown(name, `${location} does not answer: ${textOf(error)}`, fix);
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

function failedBy(name: string, error: unknown, fix: string): Finding {
  return failed(name, textOf(error), error instanceof Failure ? (error.hint ?? fix) : fix);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
