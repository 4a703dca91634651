//! Base bars from trades in memory: ours, crate rangebar-core's both ways, and a plain read of the same columns.

use barkeep_core::calendar::Segmentation;
use barkeep_core::job::{Job, JobConfig};
use barkeep_core::trade::{TradeColumns, TradeSlice};
use rangebar_core::processor::RangeBarProcessor;
use rangebar_core::{AggTrade, FixedPoint};

use crate::measure::{Subject, compare};

const THRESHOLDS: [u32; 3] = [50, 250, 1_000];

pub fn run(trades: &TradeColumns, rounds: usize, peers: bool) {
    let count = trades.len();
    let records = if peers { as_records(trades) } else { Vec::new() };
    let plain = plain_read();
    let mut subjects = vec![Subject {
        name: "plain read",
        dbps: None,
        // SAFETY: `plain_read` chose a routine whose processor features are present.
        run: Box::new(move || unsafe { plain(trades.as_slice()) }),
    }];
    for dbps in THRESHOLDS {
        subjects.push(Subject { name: "barkeep", dbps: Some(dbps), run: Box::new(move || ours(trades, &[dbps])) });
        if peers {
            let records = &records;
            subjects.push(Subject {
                name: "rangebar-core single",
                dbps: Some(dbps),
                run: Box::new(move || single(records, dbps)),
            });
            subjects.push(Subject {
                name: "rangebar-core batch",
                dbps: Some(dbps),
                run: Box::new(move || batch(records, dbps)),
            });
        }
    }
    subjects.push(Subject {
        name: "barkeep four thresholds",
        dbps: None,
        run: Box::new(move || ours(trades, &[50, 100, 250, 1_000])),
    });
    let best = compare("engine", count, rounds, &mut subjects);
    let at = |name: &str, dbps| {
        let position = subjects.iter().position(|subject| subject.name == name && subject.dbps == dbps);
        position.map_or(f64::NAN, |index| best[index])
    };
    for dbps in THRESHOLDS.map(Some) {
        let engine = at("barkeep", dbps);
        let peer = at("rangebar-core single", dbps).min(at("rangebar-core batch", dbps));
        println!(
            "{{\"bench\":\"engine ratios\",\"dbps\":{},\"times_faster_peer\":{:.2},\"share_of_plain_read\":{:.2}}}",
            dbps.unwrap_or(0),
            if peers { peer / engine } else { 0.0 },
            at("plain read", None) / engine,
        );
    }
}

fn ours(trades: &TradeColumns, thresholds: &[u32]) -> u64 {
    let config = JobConfig { thresholds: thresholds.to_vec(), gate_unit_us: 1, segmentation: Segmentation::Year };
    let mut job = Job::new(&config).expect("the thresholds are valid");
    job.push(trades.as_slice()).expect("the trades are in order");
    job.units().iter().map(|unit| unit.bars().len() as u64).sum()
}

fn single(records: &[AggTrade], dbps: u32) -> u64 {
    let mut processor = RangeBarProcessor::new(dbps).expect("the threshold is valid");
    let mut bars = Vec::new();
    for record in records {
        if let Some(bar) = processor.process_single_trade(record).expect("the trade is valid") {
            bars.push(bar);
        }
    }
    bars.len() as u64
}

fn batch(records: &[AggTrade], dbps: u32) -> u64 {
    let mut processor = RangeBarProcessor::new(dbps).expect("the threshold is valid");
    processor.process_agg_trade_records(records).expect("the trades are in order").len() as u64
}

fn as_records(trades: &TradeColumns) -> Vec<AggTrade> {
    (0..trades.len())
        .map(|i| AggTrade {
            agg_trade_id: trades.agg_id[i],
            price: FixedPoint(trades.price[i]),
            volume: FixedPoint(trades.volume[i]),
            first_trade_id: trades.first_id[i],
            last_trade_id: trades.last_id[i],
            timestamp: trades.time_us[i],
            is_buyer_maker: trades.buyer_maker[i] == 1,
            is_best_match: None,
        })
        .collect()
}

#[inline(always)]
fn sum_columns(trades: TradeSlice<'_>) -> u64 {
    let sum = |column: &[i64]| column.iter().fold(0_i64, |sum, &value| sum.wrapping_add(value));
    let columns =
        [trades.agg_id, trades.price, trades.volume, trades.first_id, trades.last_id, trades.time_us].map(sum);
    let flags = trades.buyer_maker.iter().fold(0_i64, |sum, &flag| sum + i64::from(flag));
    columns.into_iter().fold(flags, i64::wrapping_add) as u64
}

unsafe fn plain_portable(trades: TradeSlice<'_>) -> u64 {
    sum_columns(trades)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn plain_avx2(trades: TradeSlice<'_>) -> u64 {
    sum_columns(trades)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
unsafe fn plain_avx512(trades: TradeSlice<'_>) -> u64 {
    sum_columns(trades)
}

/// The same dispatch as the engine's.
fn plain_read() -> unsafe fn(TradeSlice<'_>) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
        {
            return plain_avx512;
        }
        if is_x86_feature_detected!("avx2") {
            return plain_avx2;
        }
    }
    plain_portable
}
