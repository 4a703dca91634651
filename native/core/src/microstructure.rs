//! The ten microstructure columns of a bar, in f64 and in a fixed order of operations, so that they are equal bit for bit
//! wherever they are computed. Reciprocals come first and are multiplied; nothing is fused.

use crate::bar::Bar;

const EPSILON: f64 = f64::EPSILON;
const FP8: f64 = 1e8;

/// Fills the microstructure fields of `bar` from its base fields.
pub fn fill(bar: &mut Bar) {
    let buy = bar.buy_volume as f64 / FP8;
    let sell = bar.sell_volume as f64 / FP8;
    let volume = bar.volume as f64 / FP8;
    let both_sides = buy + sell;
    let open = bar.open as f64 / FP8;
    let high = bar.high as f64 / FP8;
    let low = bar.low as f64 / FP8;
    let close = bar.close as f64 / FP8;
    let vwap = bar.vwap as f64 / FP8;
    let fills = bar.individual_trade_count as f64;
    let records = bar.agg_record_count as f64;
    let buy_turnover = bar.buy_turnover;
    let sell_turnover = bar.sell_turnover;

    bar.duration_us = bar.close_time - bar.open_time;
    let imbalance = if both_sides > EPSILON { (buy - sell) * (1.0 / both_sides) } else { 0.0 };
    bar.ofi = imbalance;
    let range = high - low;
    bar.vwap_close_deviation = if range > EPSILON { (close - vwap) / range } else { 0.0 };
    bar.price_impact = if volume > EPSILON { (close - open).abs() / volume } else { 0.0 };
    bar.kyle_lambda_proxy =
        if imbalance.abs() > EPSILON && open.abs() > EPSILON { ((close - open) / open.abs()) / imbalance } else { 0.0 };
    let seconds = bar.duration_us as f64 * 1e-6;
    bar.trade_intensity = if seconds > EPSILON { fills * (1.0 / seconds) } else { fills };
    bar.volume_per_trade = if bar.individual_trade_count > 0 { volume * (1.0 / fills) } else { 0.0 };
    bar.aggression_ratio = if bar.sell_trade_count > 0 {
        (bar.buy_trade_count as f64 / bar.sell_trade_count as f64).min(100.0)
    } else if bar.buy_trade_count > 0 {
        100.0
    } else {
        1.0
    };
    bar.aggregation_density = if bar.agg_record_count > 0 { fills * (1.0 / records) } else { 1.0 };
    // Sums in integers, one conversion each.
    let turnover = (buy_turnover + sell_turnover) as f64;
    bar.turnover_imbalance =
        if turnover.abs() > EPSILON { (buy_turnover as f64 - sell_turnover as f64) * (1.0 / turnover) } else { 0.0 };
}
