/**
 * The page's script. The library wants strictly increasing times and range bars may share one, so bars stand on their index
 * and the axis shows the times behind it. Panes are linked by time: each shows the bars of the stretch that the moved one shows.
 */
export const pageScript = `
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const colours = dark
  ? { text: "#98a2b3", grid: "#1c2330", up: "#2ebd85", down: "#f6465d", upSoft: "#1f5f4a", downSoft: "#6b2a36" }
  : { text: "#667085", grid: "#f0f2f5", up: "#12925f", down: "#d92d3a", upSoft: "#a9dcc6", downSoft: "#f3b4b9" };
const clock = (ms) => new Date(ms).toISOString().slice(11, 19);
const stamp = (ms) => new Date(ms).toISOString().replace("T", " ").replace("Z", " UTC");
const panes = document.getElementById("panes");
const charts = [];
// The first layout shows everything; links count from then on.
let linking = true;

for (const { name, threshold, bars } of allSeries) {
  const pane = document.createElement("section");
  pane.className = "pane";
  const head = document.createElement("div");
  head.className = "head";
  const title = document.createElement("h2");
  title.textContent = (threshold / 1000).toString() + " % range bars";
  const legend = document.createElement("span");
  legend.className = "legend";
  head.append(title, legend);
  const box = document.createElement("div");
  box.className = "chart";
  pane.append(head, box);
  panes.append(pane);
  const chart = LightweightCharts.createChart(box, {
    autoSize: true,
    layout: { background: { color: "transparent" }, textColor: colours.text, attributionLogo: false },
    grid: { vertLines: { color: colours.grid }, horzLines: { color: colours.grid } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderVisible: false, rightOffset: 1, minBarSpacing: 0.05,
      tickMarkFormatter: (i) => (bars[i] ? clock(bars[i][1]) : "") },
    localization: { timeFormatter: (i) => (bars[i] ? stamp(bars[i][1]) : "") },
  });
  const candles = chart.addSeries(LightweightCharts.CandlestickSeries, {
    upColor: colours.up, downColor: colours.down, borderVisible: false, wickUpColor: colours.up, wickDownColor: colours.down,
    priceFormat: { type: "price", precision: 2, minMove: 0.01 },
  });
  candles.priceScale().applyOptions({ scaleMargins: { top: 0.06, bottom: 0.26 } });
  candles.setData(bars.map(([, , open, high, low, close], time) => ({ time, open, high, low, close })));
  const volume = chart.addSeries(LightweightCharts.HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" },
    lastValueVisible: false, priceLineVisible: false });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
  volume.setData(bars.map(([, , open, , , close, value], time) => ({ time, value, color: close >= open ? colours.upSoft : colours.downSoft })));
  const describe = (i) => {
    const bar = bars[i];
    if (!bar) return;
    const [opened, closed, open, high, low, close, size, bought] = bar;
    legend.textContent = stamp(opened) + " → " + clock(closed) + "   O " + open + "  H " + high + "  L " + low + "  C " + close +
      "   volume " + size.toFixed(3) + " (" + Math.round((100 * bought) / size) + " % bought)";
  };
  describe(bars.length - 1);
  chart.subscribeCrosshairMove((move) => describe(move.time === undefined ? bars.length - 1 : move.time));
  charts.push({ chart, bars, name });
}

const positionAt = (bars, ms) => {
  let low = 0, high = bars.length;
  while (low < high) { const middle = (low + high) >> 1; if (bars[middle][1] < ms) low = middle + 1; else high = middle; }
  if (low === 0 || low === bars.length) return low === 0 ? 0 : bars.length - 1;
  const before = bars[low - 1][1], after = bars[low][1];
  return low - 1 + (after === before ? 0 : (ms - before) / (after - before));
};
const timeAt = (bars, position) => {
  const last = bars.length - 1;
  const clamped = Math.min(Math.max(position, 0), last);
  const i = Math.floor(clamped), next = Math.min(i + 1, last);
  return bars[i][1] + (clamped - i) * (bars[next][1] - bars[i][1]);
};
for (const moved of charts) {
  moved.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
    if (linking || range === null || moved.bars.length === 0) return;
    linking = true;
    const from = timeAt(moved.bars, range.from), to = timeAt(moved.bars, range.to);
    for (const other of charts) {
      if (other === moved || other.bars.length === 0) continue;
      other.chart.timeScale().setVisibleLogicalRange({ from: positionAt(other.bars, from) - 0.5, to: positionAt(other.bars, to) + 0.5 });
    }
    requestAnimationFrame(() => { linking = false; });
  });
}
requestAnimationFrame(() => {
  for (const { chart } of charts) chart.timeScale().fitContent();
  requestAnimationFrame(() => { linking = false; });
});
`;
