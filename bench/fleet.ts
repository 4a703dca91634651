/**
 * `npm run bench:fleet`: what the fleet promises; one JSON line per figure on stdout (bench/line.ts says what is in it), progress on
 * stderr. `--quick`: once each, to try the benchmark itself.
 */
import { parseArgs } from "node:util";
import { measureFleetLocal } from "./fleet-local.ts";
import { measureFleetSimulation } from "./fleet-simulation.ts";
import { measureFleetSsh } from "./fleet-ssh.ts";
import type { Measurement } from "./measurement.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const measurements: readonly Measurement[] = [measureFleetSsh, measureFleetLocal, measureFleetSimulation];
for (const measure of measurements) {
  process.stderr.write(`bench: ${measure.name}\n`);
  for await (const line of measure({ quick: values.quick })) process.stdout.write(`${JSON.stringify(line)}\n`);
}
