//! What happens to bars when the whole stream is scaled, mirrored or moved.

mod support;

use barkeep_core::bar::Bar;
use barkeep_core::trade::TradeColumns;
use proptest::prelude::*;
use support::oracle::Rules;
use support::streams::{all, assert_same, run, stream};

const RULES: Rules = Rules { threshold: 100, gate_unit: 1, reset: None };

fn bars(trades: &TradeColumns, rules: Rules) -> Vec<Bar> {
    all(run(trades, rules).unit(0).bars())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Prices that are multiples of 1 000 have exact limits at 100 dbps, so scaling them scales the bars.
    #[test]
    fn prices_scale(trades in stream(2..600, false), factor in 2_i64..50) {
        let scaled_by = |factor: i64| {
            let mut scaled = trades.clone();
            scaled.price.iter_mut().for_each(|price| *price *= 1_000 * factor);
            bars(&scaled, RULES)
        };
        let (base, scaled) = (scaled_by(1), scaled_by(factor));
        prop_assert_eq!(base.len(), scaled.len());
        for (a, b) in base.iter().zip(&scaled) {
            let prices = |bar: &Bar| [bar.open, bar.high, bar.low, bar.close];
            prop_assert_eq!(prices(a).map(|price| price * factor), prices(b));
            prop_assert_eq!(a.turnover * i128::from(factor), b.turnover);
            prop_assert_eq!((a.volume, a.last_agg_trade_id), (b.volume, b.last_agg_trade_id));
            prop_assert!(a.ofi == b.ofi && close(a.turnover_imbalance, b.turnover_imbalance));
        }
    }

    #[test]
    fn sides_mirror(trades in stream(2..600, false)) {
        let mut mirrored = trades.clone();
        mirrored.buyer_maker.iter_mut().for_each(|sold| *sold ^= 1);
        let (base, mirror) = (bars(&trades, RULES), bars(&mirrored, RULES));
        prop_assert_eq!(base.len(), mirror.len());
        for (a, b) in base.iter().zip(&mirror) {
            prop_assert_eq!((a.buy_volume, a.buy_turnover, a.buy_trade_count), (b.sell_volume, b.sell_turnover, b.sell_trade_count));
            prop_assert_eq!((a.open, a.high, a.low, a.close, a.vwap), (b.open, b.high, b.low, b.close, b.vwap));
            prop_assert!(a.ofi == -b.ofi && a.turnover_imbalance == -b.turnover_imbalance);
            prop_assert!(a.kyle_lambda_proxy == -b.kyle_lambda_proxy && a.price_impact == b.price_impact);
        }
    }

    #[test]
    fn times_shift(trades in stream(2..600, false), shift in 0_i64..1_000_000_000) {
        let mut moved = trades.clone();
        moved.time_us.iter_mut().for_each(|time| *time += shift);
        let expected: Vec<Bar> = bars(&trades, RULES)
            .into_iter()
            .map(|bar| Bar { open_time: bar.open_time + shift, close_time: bar.close_time + shift, ..bar })
            .collect();
        assert_same(&bars(&moved, RULES), &expected);
    }

    /// Times between trades stretched by k: the same bars, 1 / k the intensity.
    #[test]
    fn times_stretch(trades in stream(2..300, false), factor in 2_i64..5) {
        let start = trades.time_us[0];
        let mut stretched = trades.clone();
        // Divided first, so that stretched times stay in range.
        let mut base = trades;
        base.time_us.iter_mut().for_each(|time| *time = start + (*time - start) / 100);
        stretched.time_us = base.time_us.iter().map(|time| start + (time - start) * factor).collect();
        let (base, stretched) = (bars(&base, RULES), bars(&stretched, RULES));
        prop_assert_eq!(base.len(), stretched.len());
        for (a, b) in base.iter().zip(&stretched) {
            prop_assert_eq!(a.duration_us * factor, b.duration_us);
            prop_assert!(close(a.trade_intensity, b.trade_intensity * factor as f64));
            prop_assert_eq!((a.last_agg_trade_id, a.turnover), (b.last_agg_trade_id, b.turnover));
        }
    }
}
