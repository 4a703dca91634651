import type { NativeBlock } from "../store/index.ts";

/** What a chart needs of a bar; floats are good enough to draw. */
export interface ChartBar {
  readonly openTimeMs: number;
  readonly closeTimeMs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly buyVolume: number;
}

/** A series ready to be drawn, with what is known of it. */
export interface ChartSeries {
  readonly series: string;
  readonly threshold: number;
  readonly bars: readonly ChartBar[];
  readonly firstId: bigint;
  readonly lastId: bigint;
  readonly complete: boolean;
  readonly digest: string;
}

const fp8 = 1e8;

/** The bars of a block of base columns. */
export function chartBarsOf(block: NativeBlock): ChartBar[] {
  const number = (name: string, row: number): number => Number(block.columns.get(name)?.[row] ?? 0);
  return Array.from({ length: block.rows }, (_, row) => ({
    openTimeMs: number("open_time", row) / 1000,
    closeTimeMs: number("close_time", row) / 1000,
    open: number("open", row) / fp8,
    high: number("high", row) / fp8,
    low: number("low", row) / fp8,
    close: number("close", row) / fp8,
    volume: number("volume", row) / fp8,
    buyVolume: number("buy_volume", row) / fp8,
  }));
}
