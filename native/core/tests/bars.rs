//! Properties of bars over arbitrary streams, against the oracle.

mod support;

use proptest::prelude::*;
use support::oracle::{self, Rules, Trade, delta, rows};
use support::streams::{all, assert_same, rules, run, same, stream};

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Every column of every bar, orphans and the forming one included, is what the oracle says.
    #[test]
    fn bars_are_the_oracles(trades in stream(0..1_500, true), rules in rules()) {
        let job = run(&trades, rules);
        let (ended, forming) = oracle::bars(&rows(&trades), rules);
        let expected: Vec<_> = ended.iter().map(|(bar, _)| *bar).collect();
        assert_same(&all(job.unit(0).bars()), &expected);
        match job.peek(0) {
            Some(bar) => prop_assert!(same(&bar, &oracle::bar(&forming, 0))),
            None => prop_assert!(forming.is_empty()),
        }
    }

    /// A bar's shape, its closing trade, and every trade in between.
    #[test]
    fn a_bar_is_closed_by_its_first_breach(trades in stream(2..800, false), rules in rules()) {
        let rules = Rules { reset: None, ..rules };
        let job = run(&trades, rules);
        let rows = rows(&trades);
        let unit = |time: i64| if rules.gate_unit == 0 { 0 } else { time / rules.gate_unit };
        for bar in all(job.unit(0).bars()) {
            prop_assert!(bar.low <= bar.open.min(bar.close) && bar.open.max(bar.close) <= bar.high);
            prop_assert!(bar.open_time <= bar.close_time && bar.agg_record_count >= 2);
            prop_assert!(oracle::breaches(bar.open, bar.close, rules.threshold));
            let gated = |time: i64| rules.gate_unit != 0 && unit(time) == unit(bar.open_time);
            prop_assert!(!gated(bar.close_time));
            let inside: Vec<&Trade> =
                rows.iter().filter(|t| bar.first_agg_trade_id < t.id && t.id < bar.last_agg_trade_id).collect();
            for trade in &inside {
                prop_assert!(gated(trade.time) || !oracle::breaches(bar.open, trade.price, rules.threshold));
            }
            // Where only the close went beyond a limit, it is the extreme there. (Limits at the open itself say nothing.)
            let delta = delta(bar.open, rules.threshold);
            if delta > 0 && !inside.iter().any(|trade| oracle::breaches(bar.open, trade.price, rules.threshold)) {
                prop_assert!(i128::from(bar.high - bar.open) < delta || bar.close == bar.high);
                prop_assert!(i128::from(bar.open - bar.low) < delta || bar.close == bar.low);
            }
            if rules.gate_unit == 1 {
                prop_assert!(bar.duration_us > 0);
            }
            let (least, most) = if bar.volume > 0 { (bar.low, bar.high) } else { (bar.open, bar.open) };
            prop_assert!(least <= bar.vwap && bar.vwap <= most);
        }
    }

    /// Every trade is in exactly one bar, and nothing of it is lost.
    #[test]
    fn bars_partition_and_conserve(trades in stream(1..1_200, true), rules in rules()) {
        let job = run(&trades, rules);
        let mut bars = all(job.unit(0).bars());
        bars.extend(job.peek(0));
        let rows = rows(&trades);
        let mut next = 0;
        for bar in &bars {
            let count = bar.agg_record_count as usize;
            prop_assert_eq!((rows[next].id, rows[next + count - 1].id), (bar.first_agg_trade_id, bar.last_agg_trade_id));
            next += count;
            prop_assert_eq!(bar.buy_volume + bar.sell_volume, bar.volume);
            prop_assert_eq!(bar.buy_turnover + bar.sell_turnover, bar.turnover);
            prop_assert_eq!(bar.buy_trade_count + bar.sell_trade_count, bar.individual_trade_count);
        }
        prop_assert_eq!(next, rows.len());
        let whole = oracle::bar(&rows, 0);
        prop_assert_eq!(bars.iter().map(|bar| bar.volume).sum::<i128>(), whole.volume);
        prop_assert_eq!(bars.iter().map(|bar| bar.turnover).sum::<i128>(), whole.turnover);
        prop_assert_eq!(bars.iter().map(|bar| bar.buy_turnover).sum::<i128>(), whole.buy_turnover);
        prop_assert_eq!(bars.iter().map(|bar| bar.sell_volume).sum::<i128>(), whole.sell_volume);
        prop_assert_eq!(bars.iter().map(|bar| bar.individual_trade_count).sum::<i64>(), whole.individual_trade_count);
    }

    /// Of two thresholds from one opening trade, the smaller closes no later.
    #[test]
    fn smaller_threshold_closes_no_later(trades in stream(2..600, false), a in 1_u32..1_000, b in 1_u32..1_000) {
        let close = |threshold| {
            let job = run(&trades, Rules { threshold, gate_unit: 1, reset: None });
            job.unit(0).bars().last_agg_trade_id.first().copied().unwrap_or(i64::MAX)
        };
        prop_assert!(close(a.min(b)) <= close(a.max(b)));
    }

    /// What comes later changes no bar.
    #[test]
    fn no_look_ahead(trades in stream(2..800, true), rules in rules(), share in 0.0..1.0_f64) {
        let cut = (trades.len() as f64 * share) as usize;
        let whole = all(run(&trades, rules).unit(0).bars());
        let mut job = support::streams::job(&[rules]);
        job.push(trades.slice(0..cut)).expect("the trades are in order");
        let prefix = all(job.unit(0).bars());
        assert_same(&prefix, &whole[..prefix.len()]);
    }

    /// Chains from two anchors that close on one trade are the same from there on.
    #[test]
    fn chains_coalesce(trades in stream(20..800, false), threshold in 50_u32..400, anchor in 1_usize..20) {
        let rules = Rules { threshold, gate_unit: 1, reset: None };
        let whole = all(run(&trades, rules).unit(0).bars());
        let mut job = support::streams::job(&[rules]);
        job.push(trades.slice(anchor..trades.len())).expect("the trades are in order");
        let late = all(job.unit(0).bars());
        let meeting = late.iter().enumerate().find_map(|(i, bar)| {
            whole.iter().position(|other| other.last_agg_trade_id == bar.last_agg_trade_id).map(|j| (i, j))
        });
        if let Some((i, j)) = meeting {
            assert_same(&late[i + 1..], &whole[j + 1..]);
        }
    }
}
