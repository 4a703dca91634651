import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { chartBarsOf, type ChartBar, type ChartSeries } from "../../lib/report/chart-data.ts";
import { htmlChart } from "../../lib/report/html-chart.ts";
import { terminalChart } from "../../lib/report/terminal-chart.ts";
import type { NativeCell } from "../../lib/store/index.ts";
import { readSelfContained } from "./self-contained.ts";

function barOf(open: number, close: number, more: Partial<ChartBar> = {}): ChartBar {
  return {
    openTimeMs: 1_723_161_600_000,
    closeTimeMs: 1_723_161_660_000,
    open,
    high: Math.max(open, close),
    low: Math.min(open, close),
    close,
    volume: 1,
    buyVolume: 0.5,
    ...more,
  };
}

function seriesOf(bars: readonly ChartBar[], more: Partial<ChartSeries> = {}): ChartSeries {
  return {
    series: "range:binance/spot/BTCUSDT@25",
    threshold: 25,
    bars,
    firstId: 9_007_199_254_740_993n,
    lastId: 9_007_199_254_749_999n,
    complete: true,
    digest: "c4a42e7ead3d7271",
    ...more,
  };
}

const price = fc.integer({ min: 1, max: 10_000_000 }).map((cents) => cents / 100);
const anyBar = fc
  .tuple(price, price, price, price, fc.integer({ min: 0, max: 1_000_000 }))
  .map(([open, close, a, b, volume]) =>
    barOf(open, close, { high: Math.max(open, close, a, b), low: Math.min(open, close, a, b), volume: volume / 1000 }),
  );

test("chart data: prices, volumes and times of a block, in the units of a chart", () => {
  const columns = new Map<string, ArrayLike<NativeCell>>([
    ["open_time", [1_723_161_600_000_500n]],
    ["close_time", [1_723_161_660_000_000n]],
    ["open", [6_000_012_345_678n]],
    ["high", [6_100_000_000_000n]],
    ["low", [5_900_000_000_000n]],
    ["close", [6_050_000_000_000n]],
    ["volume", [150_000_000n]],
    ["buy_volume", [50_000_000n]],
  ]);
  assert.deepEqual(chartBarsOf({ rows: 1, columns }), [
    {
      openTimeMs: 1_723_161_600_000.5,
      closeTimeMs: 1_723_161_660_000,
      open: 60_000.123_456_78,
      high: 61_000,
      low: 59_000,
      close: 60_500,
      volume: 1.5,
      buyVolume: 0.5,
    },
  ]);
});

test("the terminal chart draws a rise, a fall and their wicks where they belong", () => {
  const bars = [
    barOf(100, 104, { high: 104, low: 98, volume: 8 }),
    barOf(104, 100, { high: 106, low: 100, volume: 4 }),
    barOf(101, 101, { volume: 0 }),
  ];
  assert.deepEqual(terminalChart(bars, 40, 9), [
    "106.00 ┤ │",
    "       ┤ │",
    "       ┤┃█",
    "103.00 ┤┃█",
    "       ┤┃█",
    "       ┤┃█┃",
    "100.00 ┤┃█",
    "       ┤│",
    " 98.00 ┤│",
    "volume ┤█▄ ",
  ]);
});

test("no bars make one line that says so", () => {
  assert.deepEqual(terminalChart([], 80, 10), ["(no bars)"]);
});

test("however many bars, the chart has its height, stays within its width, and shows the extremes", () => {
  fc.assert(
    fc.property(
      fc.array(anyBar, { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 30, max: 120 }),
      fc.integer({ min: 2, max: 30 }),
      (bars, width, height) => {
        const lines = terminalChart(bars, width, height);
        assert.equal(lines.length, height + 1);
        for (const line of lines) assert.ok(line.length <= width, `${line.length} of ${width}`);
        const high = Math.max(...bars.map((bar) => bar.high));
        const low = Math.min(...bars.map((bar) => bar.low));
        assert.ok(lines[0]?.trimStart().startsWith(high.toFixed(2)));
        assert.ok(lines[height - 1]?.trimStart().startsWith(low.toFixed(2)));
        assert.match((lines[0] ?? "").split("┤")[1] ?? "", /[│┃█]/, "something reaches the top");
        if (high !== low) assert.match((lines[height - 1] ?? "").split("┤")[1] ?? "", /[│┃█]/, "and the bottom");
        assert.ok(!lines.join("").includes("NaN") && !lines.join("").includes("undefined"));
      },
    ),
  );
});

test("a price that never moves, and volumes of zero, still make a chart", () => {
  const lines = terminalChart([barOf(5, 5, { volume: 0 }), barOf(5, 5, { volume: 0 })], 40, 4);
  assert.equal(lines.length, 5);
  assert.match(lines[0] ?? "", /5\.00 ┤┃┃/);
  assert.equal(lines.at(-1)?.split("┤")[1]?.length, 2, "a column of volume for each bar");
});

test("the page loads nothing and holds the bars digit by digit", () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyBar, { maxLength: 30 }), { minLength: 1, maxLength: 4 }), (all) => {
      const html = htmlChart(
        "a title",
        all.map((bars, i) => seriesOf(bars, { threshold: 25 * (i + 1), series: `s${i}` })),
      );
      assert.deepEqual(
        readSelfContained(html),
        all.map((bars, i) => ({
          name: `s${i}`,
          threshold: 25 * (i + 1),
          bars: bars.map((bar) => [
            bar.openTimeMs,
            bar.closeTimeMs,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            bar.buyVolume,
          ]),
        })),
      );
    }),
    { numRuns: 15 },
  );
});

test("the page's table says series, bars, ids with every digit, coverage and digest", () => {
  const html = htmlChart("t", [seriesOf([barOf(1, 2)]), seriesOf([], { complete: false, digest: "00" })]);
  assert.ok(html.includes("<td>9007199254740993 … 9007199254749999</td><td>proven complete</td>"));
  assert.ok(html.includes("<td>not complete</td><td><code>00</code></td>"));
  assert.ok(html.includes("<td>range:binance/spot/BTCUSDT@25</td><td>1</td>"));
});

test("names cannot become elements or end the script", () => {
  for (const name of [
    "</script><script>alert(1)</script>",
    "<img src=https://evil.example/x>",
    'a" onload="b',
    "&amp;",
  ]) {
    const html = htmlChart(name, [seriesOf([barOf(1, 2)], { series: name, digest: name })]);
    const [series] = readSelfContained(html);
    assert.equal(series?.name, name);
    const markup = html.replace(/<script>.*?<\/script>/gs, "");
    assert.ok(!markup.includes("<img") && !markup.includes("alert(1)</script>"), name);
    assert.equal(html.match(/<\/script>/g)?.length, 2);
  }
});
