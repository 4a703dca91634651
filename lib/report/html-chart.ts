import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../config/index.ts";
import type { ChartSeries } from "./chart-data.ts";
import { pageScript } from "./html-chart-script.ts";
import { formatCount } from "./text-table.ts";

/** The package's stand-alone build, which its exports do not name. */
const libraryFile = "node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.js";

/** One page that needs nothing but itself: the charting library, the data and the script are inside. */
export function htmlChart(title: string, series: readonly ChartSeries[]): string {
  const library = readFileSync(join(projectRoot, libraryFile), "utf8");
  const data = series.map((one) => ({
    name: one.series,
    threshold: one.threshold,
    bars: one.bars.map((bar) => [
      bar.openTimeMs,
      bar.closeTimeMs,
      bar.open,
      bar.high,
      bar.low,
      bar.close,
      bar.volume,
      bar.buyVolume,
    ]),
  }));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${escapeHtml(title)}</h1>
<p>Scroll to zoom, drag to move; the panes show the same stretch of time.</p></header>
<main id="panes"></main>
${summaryTable(series)}
<footer>Charts by <a href="https://www.tradingview.com/">TradingView Lightweight Charts™</a> (Apache-2.0), built into this page.</footer>
<script>${asScript(library)}</script>
<script>const allSeries = ${asScript(JSON.stringify(data))};
${pageScript}</script>
</body>
</html>
`;
}

function summaryTable(series: readonly ChartSeries[]): string {
  const rows = series.map(
    (one) => `<tr><td>${escapeHtml(one.series)}</td><td>${formatCount(one.bars.length)}</td>
<td>${one.firstId} … ${one.lastId}</td><td>${one.complete ? "proven complete" : "not complete"}</td><td><code>${escapeHtml(one.digest)}</code></td></tr>`,
  );
  return `<table><thead><tr><th>series</th><th>bars</th><th>trade ids</th><th>coverage</th><th>digest</th></tr></thead>
<tbody>${rows.join("")}</tbody></table>`;
}

/** Text that cannot end the script element it stands in. */
function asScript(text: string): string {
  return text.replaceAll("</", "<\\/");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

const style = `
:root { color-scheme: light dark; --text: #1d2530; --soft: #667085; --line: #e4e7ec; --page: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ef; --soft: #98a2b3; --line: #2a3140; --page: #10141b; } }
body { margin: 0 auto; max-width: 1200px; padding: 20px 24px; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 21px; margin: 0; } h2 { font-size: 15px; margin: 0; font-weight: 600; }
header p, footer, .legend { color: var(--soft); } header p { margin: 2px 0 12px; }
.pane { border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px 4px; margin-bottom: 12px; }
.head { display: flex; gap: 16px; align-items: baseline; flex-wrap: wrap; }
.legend { font-size: 13px; font-variant-numeric: tabular-nums; }
.chart { height: 240px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; } footer { margin-top: 16px; font-size: 12px; } a { color: inherit; }
`;
