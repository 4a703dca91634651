/**
 * Makes a store of whole series and looks at it: by coverage, by every bar, and as the older program did, pair after pair.
 * `node watch-store.ts REQUEST` with the request as JSON; run by ../detect-gaps.ts in a process of its own.
 */
import { parseRegistry } from "../../lib/config/index.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { openEmbedded } from "../../lib/store/store.ts";
import { findGaps, type WatchReport } from "../../lib/watch/find-gaps.ts";
import type { WatchLimits } from "../../lib/watch/limits.ts";
import { everything } from "../../lib/watch/wish.ts";
import { fillGapStore, fillOlderTable, olderPairs, olderStatements } from "../gap-store.ts";
import { registryOf } from "../registry.ts";
import { watchRequest, type WatchTimes } from "../watch-request.ts";

const { state, of, rounds } = watchRequest.parse(JSON.parse(process.argv[2] ?? ""));
const symbols = Array.from({ length: of.symbols }, (_, i) => `S${i}USDT`);
const registry = parseRegistry(registryOf(symbols).replaceAll("2010-01-01", `${of.firstYear}-01-01`), "symbols.toml");
const nowMs = Date.UTC(of.lastYear + 1, 0, 1, 6);

const store = await openEmbedded(state);
using ledger = openLedger(state);
try {
  await fillGapStore(store, of);
  const look = async (
    limits: Partial<WatchLimits>,
  ): Promise<{ readonly seconds: number; readonly report: WatchReport }> => {
    const startMs = performance.now();
    const settings = { archive: undefined, stateDirectory: state, segmentation: "year" } as const;
    const signal = new AbortController().signal;
    const request = { store, ledger, registry, env: {}, settings, selection: everything, nowMs, signal };
    const report = await findGaps({ ...request, limits });
    if (report.findings.length > 0) throw new Error(`a clean store has findings: ${report.findings[0]?.summary}`);
    return { seconds: (performance.now() - startMs) / 1000, report };
  };
  const times: WatchTimes = { coverage: [], exhaustive: [], prices: [], older: [], bars: 0, series: 0 };
  for (let round = 0; round < rounds; round += 1) {
    const byCoverage = await look({});
    times.coverage.push(byCoverage.seconds);
    const byBars = await look({ exhaustive: true });
    times.exhaustive.push(byBars.seconds);
    times.bars = byBars.report.bars?.bars ?? 0;
    times.series = byCoverage.report.series.length;
  }
  times.prices.push((await look({ exhaustive: true, priceGapDbps: 50_000 })).seconds);

  await fillOlderTable(store);
  const startMs = performance.now();
  for (const pair of olderPairs(of)) {
    for (const statement of olderStatements(pair)) {
      for await (const chunk of store.stream(statement, "JSONEachRow")) void chunk;
    }
  }
  times.older.push((performance.now() - startMs) / 1000);
  process.stdout.write(`${JSON.stringify(times)}\n`);
} finally {
  await store.close();
}
