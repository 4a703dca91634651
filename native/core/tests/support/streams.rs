//! Streams of trades to test with: many equal times and prices, jumps, holes of ids, sizes up to the largest.

use barkeep_core::bar::{Bar, BarColumns};
use barkeep_core::calendar::Segmentation;
use barkeep_core::job::{Job, JobConfig};
use barkeep_core::trade::TradeColumns;
use proptest::prelude::*;

use super::oracle::Rules;

pub const START_US: i64 = 1_700_000_000_000_000;

/// Price step, time step, volume, fills, side, hole before.
type Step = (i64, i64, i64, i64, bool, i64);

fn step(holes: bool) -> impl Strategy<Value = Step> {
    let price = prop_oneof![6 => -400_i64..=400, 3 => Just(0), 1 => -60_000_i64..=60_000];
    let time = prop_oneof![5 => Just(0_i64), 3 => 0_i64..3_000, 1 => 0_i64..5_000_000, 1 => 0_i64..86_400_000_000];
    let volume = prop_oneof![6 => 0_i64..1_000_000_000, 1 => Just(0_i64), 1 => (1_i64 << 50)..(1_i64 << 56)];
    let hole = if holes { prop_oneof![60 => Just(0_i64), 1 => 1_i64..50].boxed() } else { Just(0).boxed() };
    (price, time, volume, 1_i64..5, any::<bool>(), hole)
}

/// Streams of `len` trades around a price of one million units, so that thresholds of 1 … 2 000 dbps all matter.
pub fn stream(len: std::ops::Range<usize>, holes: bool) -> impl Strategy<Value = TradeColumns> {
    (1_000_i64..3_000_000, prop::collection::vec(step(holes), len)).prop_map(|(price, steps)| {
        let mut out = TradeColumns::default();
        let (mut id, mut price, mut time, mut fill) = (7, price, START_US, 1);
        for (move_by, wait, volume, fills, sold, hole) in steps {
            price = (price + move_by).max(1);
            time += wait;
            id += 1 + hole;
            out.agg_id.push(id);
            out.price.push(price);
            out.volume.push(volume);
            out.first_id.push(fill);
            out.last_id.push(fill + fills - 1);
            out.time_us.push(time);
            out.buyer_maker.push(u8::from(sold));
            fill += fills;
        }
        out
    })
}

pub fn rules() -> impl Strategy<Value = Rules> {
    let threshold = prop_oneof![Just(1_u32), 1_u32..400, 400_u32..3_000, Just(100_000)];
    let gate = prop_oneof![Just(0_i64), Just(1), Just(1_000)];
    let reset = prop_oneof![Just(None), Just(Some(0_u8)), Just(Some(1)), Just(Some(2))];
    (threshold, gate, reset).prop_map(|(threshold, gate_unit, reset)| Rules { threshold, gate_unit, reset })
}

pub fn segmentation(rules: Rules) -> Segmentation {
    match rules.reset {
        None => Segmentation::None,
        Some(0) => Segmentation::Year,
        Some(1) => Segmentation::Month,
        Some(_) => Segmentation::Week,
    }
}

pub fn job(rules: &[Rules]) -> Job {
    Job::new(&JobConfig {
        thresholds: rules.iter().map(|rules| rules.threshold).collect(),
        gate_unit_us: rules[0].gate_unit,
        segmentation: segmentation(rules[0]),
    })
    .expect("the configuration is valid")
}

/// All bars of a stream pushed at once.
pub fn run(trades: &TradeColumns, rules: Rules) -> Job {
    let mut job = job(&[rules]);
    job.push(trades.as_slice()).expect("the trades are in order");
    job
}

pub fn all(columns: &BarColumns) -> Vec<Bar> {
    (0..columns.len()).map(|index| columns.get(index)).collect()
}

/// Equal to the last bit, floats included.
pub fn same(a: &Bar, b: &Bar) -> bool {
    let floats = |bar: &Bar| {
        [
            bar.ofi,
            bar.vwap_close_deviation,
            bar.price_impact,
            bar.kyle_lambda_proxy,
            bar.trade_intensity,
            bar.volume_per_trade,
            bar.aggression_ratio,
            bar.aggregation_density,
            bar.turnover_imbalance,
        ]
        .map(f64::to_bits)
    };
    a == b && floats(a) == floats(b)
}

pub fn assert_same(actual: &[Bar], expected: &[Bar]) {
    for (index, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert!(same(a, b), "bar {index}\n{a:#?}\n{b:#?}");
    }
    assert_eq!(actual.len(), expected.len());
}
