import { join } from "node:path";
import { pathToFileURL } from "node:url";

const preload = pathToFileURL(join(import.meta.dirname, "shifted-clock.mjs")).href;

/** The environment in which a program's clock starts at an instant, e.g. `2024-03-06T23:59:30Z`, and runs on from there. */
export function clockAt(instant: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${preload}`, CLOCK_START: instant };
}
