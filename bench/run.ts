/**
 * `npm run bench`: measures what barkeep promises, each beside its peer in the same run; one JSON line per measurement on
 * stdout (bench/line.ts says what is in it), progress on stderr.
 *
 *   --only NAME   only this measurement; repeat for more
 *   --peers       also the peers in other languages, which are installed first
 *   --quick       small data, to try the benchmark itself
 */
import { parseArgs } from "node:util";
import { measureArchive } from "./archive.ts";
import { buildCoreProgram } from "./core-program.ts";
import { measureDetectGaps } from "./detect-gaps.ts";
import { measureEngine } from "./engine.ts";
import { measureFleetSsh } from "./fleet-ssh.ts";
import { measureFleetLocal } from "./fleet-local.ts";
import { measureFleetSimulation } from "./fleet-simulation.ts";
import { measureHeartbeat } from "./heartbeat.ts";
import { benchName, benchNames, type BenchName } from "./line.ts";
import type { Measurement } from "./measurement.ts";
import { measureLedgerSync } from "./ledger-sync.ts";
import { measureMemory } from "./memory.ts";
import { measureNothingToDo } from "./nothing-to-do.ts";
import { measurePeers } from "./peers.ts";
import { measurePopulate } from "./populate.ts";
import { measureProtocol } from "./protocol.ts";
import { measureResume } from "./resume.ts";
import { measureStoreInsert } from "./store-insert.ts";
import { measureVerify } from "./verify.ts";

const measurements: Readonly<Record<BenchName, Measurement>> = {
  engine: measureEngine,
  archive: measureArchive,
  memory: measureMemory,
  populate: measurePopulate,
  protocol: measureProtocol,
  resume: measureResume,
  "nothing-to-do": measureNothingToDo,
  "store-insert": measureStoreInsert,
  verify: measureVerify,
  "ledger-sync": measureLedgerSync,
  heartbeat: measureHeartbeat,
  "fleet-ssh": measureFleetSsh,
  "fleet-local": measureFleetLocal,
  "detect-gaps": measureDetectGaps,
  "fleet-simulation": measureFleetSimulation,
  peers: measurePeers,
};

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    peers: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
  },
});
const only = values.only.map((name) => benchName.parse(name));
const isWanted = (name: BenchName): boolean =>
  only.length > 0 ? only.includes(name) : name !== "peers" || values.peers;

await buildCoreProgram();
for (const name of benchNames.filter(isWanted)) {
  process.stderr.write(`bench: ${name}\n`);
  for await (const line of measurements[name]({ quick: values.quick })) {
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}
