import type { ChartBar } from "./chart-data.ts";

const volumeBlocks = " ▁▂▃▄▅▆▇█";

interface Candle {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** Joins neighbouring bars until they fit the width. */
function squeeze(bars: readonly ChartBar[], width: number): Candle[] {
  const perColumn = Math.max(1, Math.ceil(bars.length / width));
  return Array.from({ length: Math.ceil(bars.length / perColumn) }, (_, column) => {
    const group = bars.slice(column * perColumn, (column + 1) * perColumn);
    return {
      open: group[0]?.open ?? 0,
      high: Math.max(...group.map((bar) => bar.high)),
      low: Math.min(...group.map((bar) => bar.low)),
      close: group.at(-1)?.close ?? 0,
      volume: group.reduce((sum, bar) => sum + bar.volume, 0),
    };
  });
}

/**
 * Candles over volume in text: `│` a wick, `┃` a body that rose, `█` one that fell.
 * @param width columns of the whole chart, the price axis included
 * @param height lines of the price part
 */
export function terminalChart(bars: readonly ChartBar[], width: number, height: number): string[] {
  if (bars.length === 0) return ["(no bars)"];
  const high = Math.max(...bars.map((bar) => bar.high));
  const low = Math.min(...bars.map((bar) => bar.low));
  const label = (price: number): string => price.toFixed(2).padStart(high.toFixed(2).length);
  const axisWidth = label(high).length + 2;
  const candles = squeeze(bars, Math.max(1, width - axisWidth));
  const rowOf = (price: number): number =>
    high === low ? 0 : Math.round(((high - price) / (high - low)) * (height - 1));
  const lines = Array.from({ length: height }, (_, row) => {
    const price = high - ((high - low) * row) / Math.max(1, height - 1);
    const axis = row % 3 === 0 || row === height - 1 ? label(price) : " ".repeat(axisWidth - 2);
    return `${axis} ┤${candles.map((candle) => symbolAt(candle, row, rowOf)).join("")}`;
  });
  const most = Math.max(...candles.map((candle) => candle.volume));
  const volume = candles.map((candle) => volumeBlocks[Math.ceil((candle.volume / most) * 8)] ?? " ").join("");
  return [
    ...lines.map((line) => line.trimEnd()),
    `${"volume".slice(0, axisWidth - 2).padStart(axisWidth - 2)} ┤${volume}`,
  ];
}

function symbolAt(candle: Candle, row: number, rowOf: (price: number) => number): string {
  const top = rowOf(Math.max(candle.open, candle.close));
  const bottom = rowOf(Math.min(candle.open, candle.close));
  if (row >= top && row <= bottom) return candle.close >= candle.open ? "┃" : "█";
  return row >= rowOf(candle.high) && row <= rowOf(candle.low) ? "│" : " ";
}
