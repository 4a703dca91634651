// A program that makes one unit anew again and again, until it is killed. Words: archive, symbols, state, times.
import { loadRegistry, loadSettings } from "../../lib/config/index.ts";
import { planRebuilds } from "../../lib/datasets/range/rebuild-plan.ts";
import { rebuildPlanned } from "../../lib/datasets/range/rebuild-run.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { Failure } from "../../lib/model/errors.ts";
import { openStore } from "../../lib/store/store.ts";

const [archive = "", symbols = "", state = "", times = "0"] = process.argv.slice(2);
const settings = loadSettings(
  { archive, symbols, state },
  { layers: [], values: {}, settingsFolder: state, settingsFile: undefined },
);
const address = {
  stateDirectory: state,
  url: process.env["CLICKHOUSE_URL"],
  user: process.env["CLICKHOUSE_USER"],
  password: process.env["CLICKHOUSE_PASSWORD"],
};
const never = new AbortController().signal;
const registry = loadRegistry(symbols);
const request = { targets: ["all"], reason: "again", startAsked: undefined };
try {
  const store = await openStore(address);
  using ledger = openLedger(state);
  for (let i = 0; i < Number(times); i += 1) {
    const plan = await planRebuilds(store, request, settings, registry, never);
    const { results } = await rebuildPlanned({ store, ledger }, plan, registry, new Date(), never, () => undefined);
    const failure = results.flatMap(({ failures }) => failures)[0];
    if (failure !== undefined) throw failure;
    process.stdout.write("rebuilt\n");
  }
} catch (error) {
  // The store's process was killed, or a lease of the one before is not over yet; anything else is what the test looks for.
  if (!(error instanceof Failure) || !["STORE_AWAY", "LEASE_HELD", "SUPERSEDED"].includes(error.code)) throw error;
}
process.exit(0);
