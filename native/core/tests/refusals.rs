//! What is refused, with which words, and that a refusal changes nothing; and the extremes that are not.

mod support;

use barkeep_core::bar::Bar;
use barkeep_core::calendar::Segmentation;
use barkeep_core::checkpoint;
use barkeep_core::engine::{BarEngine, EngineConfig};
use barkeep_core::job::{Job, JobConfig};
use barkeep_core::trade::TradeColumns;
use support::generators::generator_b;
use support::oracle::{self, Rules, rows};
use support::streams::{START_US, all, assert_same, job, run};

const RULES: Rules = Rules { threshold: 50, gate_unit: 1, reset: None };

/// Trades of one fill each, one second apart: (price, volume).
fn trades(prices: &[(i64, i64)]) -> TradeColumns {
    let mut out = TradeColumns::default();
    for (i, &(price, volume)) in (0_i64..).zip(prices) {
        out.agg_id.push(100 + i);
        out.price.push(price);
        out.volume.push(volume);
        out.first_id.push(i);
        out.last_id.push(i);
        out.time_us.push(START_US + 1_000_000 * i);
        out.buyer_maker.push((i % 2) as u8);
    }
    out
}

/// Pushes a spoilt copy of generator B's second half; then the good one, which must go as if nothing had happened.
fn refused(spoil: impl Fn(&mut TradeColumns)) -> (&'static str, String, Option<usize>) {
    let good = generator_b();
    let mut job = job(&[RULES]);
    job.push(good.slice(0..5_000)).expect("the trades are in order");
    let before = (job.checkpoint(0), job.unit(0).bars().len(), job.unit(0).parts().to_vec());
    let mut bad = good.clone();
    spoil(&mut bad);
    let error = job.push(bad.slice(5_000..10_000)).expect_err("the trades are spoilt");
    assert_eq!((job.checkpoint(0), job.unit(0).bars().len(), job.unit(0).parts().to_vec()), before);
    job.push(good.slice(5_000..10_000)).expect("the trades are in order");
    let whole = run(&good, RULES);
    assert_same(&all(job.unit(0).bars()), &all(whole.unit(0).bars()));
    assert_eq!(job.unit(0).parts(), whole.unit(0).parts());
    (error.code, error.message, error.index)
}

#[test]
fn ordering() {
    let time = generator_b().time_us;
    // Near the start and far into the slice, where bars have been completed already.
    for at in [5_000, 5_001, 9_998] {
        let (id, index) = (1_000 + at as i64, Some(at - 5_000));
        let (code, message, told) = refused(|t| t.agg_id[at] = t.agg_id[at - 1]);
        assert_eq!((code, told), ("DUPLICATE_TRADE", index));
        let said = format!(
            "trade {} (time {} µs, id {}) does not follow (time {} µs, id {})",
            at - 5_000,
            time[at],
            id - 1,
            time[at - 1],
            id - 1
        );
        assert_eq!(message, said);
        let (code, message, told) = refused(|t| t.agg_id[at] = 7);
        assert_eq!((code, told), ("UNSORTED_TRADES", index));
        assert!(message.contains("id 7) does not follow"), "{message}");
        let (code, message, told) = refused(|t| t.time_us[at] = t.time_us[at - 1] - 1);
        assert_eq!((code, told), ("UNSORTED_TRADES", index));
        assert!(message.contains(&format!("time {} µs", time[at - 1] - 1)), "{message}");
    }
    assert_eq!(refused(|t| t.agg_id[6_000] = i64::MIN).0, "UNSORTED_TRADES");
    assert_eq!(refused(|t| t.time_us[9_999] = 2_051_222_400_000_001).0, "TIME_OUT_OF_RANGE");
    // Steps that only wrapping arithmetic would take for going up.
    let climb = |t: &mut TradeColumns| t.time_us[6_000..6_003].copy_from_slice(&[i64::MIN, i64::MIN / 2, 0]);
    assert_eq!(refused(climb).0, "UNSORTED_TRADES");
}

#[test]
fn unsound_trades() {
    type Spoil = fn(&mut TradeColumns);
    let spoils: [Spoil; 10] = [
        |t| t.price[7_000] = 0,
        |t| t.price[7_000] = -1,
        |t| t.price[7_000] = i64::MIN,
        |t| t.volume[7_000] = -1,
        |t| t.volume[7_000] = i64::MIN,
        |t| t.first_id[7_000] = -1,
        |t| t.last_id[7_000] = t.first_id[7_000] - 1,
        |t| t.last_id[7_000] = i64::MAX,
        |t| t.buyer_maker[7_000] = 2,
        |t| (t.first_id[7_000], t.last_id[7_000]) = (i64::MAX, i64::MIN),
    ];
    for (case, spoil) in spoils.into_iter().enumerate() {
        let (code, _, index) = refused(spoil);
        assert_eq!((code, index), ("BAD_TRADE", Some(2_000)), "case {case}");
    }
}

#[test]
fn configurations() {
    let code = |thresholds: &[u32], gate_unit_us| {
        let config = JobConfig { thresholds: thresholds.to_vec(), gate_unit_us, segmentation: Segmentation::Year };
        Job::new(&config).map(|_| ()).map_err(|error| error.code)
    };
    assert_eq!(code(&[1, 100_000], 1_000), Ok(()));
    assert_eq!(code(&[0], 1), Err("BAD_THRESHOLD"));
    assert_eq!(code(&[250, 100_001], 1), Err("BAD_THRESHOLD"));
    assert_eq!(code(&[250], 2), Err("BAD_GATE_UNIT"));
    assert_eq!(code(&[250], -1), Err("BAD_GATE_UNIT"));
    assert_eq!(code(&[], 1), Err("NO_THRESHOLDS"));
}

#[test]
fn limits() {
    for (open, threshold_dbps, upper, lower) in [
        (1, 250, 1, 1),
        (1_000, 10, 1_000, 1_000),
        (1_000, 250, 1_002, 998),
        (3_000, 250, 3_007, 2_993),
        (5_000_000_000_000, 250, 5_012_500_000_000, 4_987_500_000_000),
        (5_000_012_345_678, 250, 5_012_512_376_542, 4_987_512_314_814),
    ] {
        let engine = BarEngine::new(EngineConfig { threshold_dbps, gate_unit_us: 1 }).expect("the threshold is valid");
        let inside = engine.inside(open);
        assert_eq!((inside.highest + 1, inside.lowest - 1), (upper, lower), "{open} {threshold_dbps}");
    }
    // Limits beyond 64 bits are never reached.
    let far = run(&trades(&[(i64::MAX, 1), (i64::MAX, 1), (1, 1)]), Rules { threshold: 100_000, ..RULES });
    assert!(far.unit(0).bars().is_empty());
}

#[test]
fn exactly_at_the_limit_closes_and_one_unit_inside_does_not() {
    let closes = |price| run(&trades(&[(100_000, 1), (price, 1)]), RULES).unit(0).bars().len();
    assert_eq!([100_049, 100_050, 99_951, 99_950].map(closes), [0, 1, 0, 1]);
    // However far it jumps, it closes one bar, and the next trade opens the next.
    let job = run(&trades(&[(100_000, 1), (1, 1), (90_000_000, 1)]), RULES);
    assert_eq!((job.unit(0).bars().len(), job.peek(0).map(|bar| bar.open)), (1, Some(90_000_000)));
}

#[test]
fn nothing_and_one_trade() {
    let mut job = run(&TradeColumns::default(), RULES);
    assert!(job.peek(0).is_none() && job.unit(0).bars().is_empty() && job.unit(0).parts().is_empty());
    job.end_segment();
    job.push(trades(&[(5, 7)]).as_slice()).expect("the trade is sound");
    let bar = job.peek(0).expect("a bar is forming");
    assert_eq!((bar.open, bar.vwap, bar.volume, bar.turnover, bar.agg_record_count), (5, 5, 7, 35, 1));
}

/// Limits equal to the open: every later trade closes, whatever its price.
#[test]
fn prices_of_one_unit() {
    let job = run(&trades(&[(1, 1), (1, 1), (1, 0), (1, 0)]), Rules { threshold: 1, ..RULES });
    let bars = all(job.unit(0).bars());
    assert_eq!(bars.iter().map(|bar| (bar.agg_record_count, bar.vwap)).collect::<Vec<_>>(), [(2, 1), (2, 1)]);
}

#[test]
fn the_largest_volumes_and_prices_are_exact() {
    let mut prices = vec![(1_000_000, i64::MAX); 700];
    prices.extend(vec![(1_000_100, 1); 700]);
    // Fifty billion tokens at 0.00003.
    prices.extend(vec![(3_000, 5_000_000_000_000_000_000); 50]);
    let all_trades = trades(&prices);
    let rules = Rules { threshold: 100_000, ..RULES };
    let job = run(&all_trades, rules);
    let expected: Bar = oracle::bar(&rows(&all_trades), 0);
    assert_same(&[job.peek(0).expect("a bar is forming")], &[expected]);
    assert!(expected.volume > 0 && expected.vwap >= 3_000);

    let two = trades(&[(i64::MAX, i64::MAX), (i64::MAX, i64::MAX)]);
    assert_eq!(run(&two, RULES).peek(0).map(|bar| bar.turnover), Some(2 * i128::from(i64::MAX) * i128::from(i64::MAX)));
}

#[test]
fn sums_beyond_128_bits_are_refused() {
    let four = trades(&[(i64::MAX, i64::MAX); 4]);
    // Within one bar, and over several: 100 000 dbps never closes here, while 1 dbps with every price the same neither does;
    // the second stream closes a bar at its second trade.
    for prices in [[i64::MAX; 4], [i64::MAX, i64::MAX / 2 + 1, i64::MAX, i64::MAX]] {
        let mut four = four.clone();
        four.price = prices.to_vec();
        let mut job = job(&[RULES]);
        job.push(four.slice(0..1)).expect("one trade fits");
        let before = job.checkpoint(0);
        assert_eq!(job.push(four.slice(1..4)).map_err(|error| error.code), Err("OVERFLOW"));
        assert_eq!((job.checkpoint(0), job.unit(0).bars().len()), (before, 0));
    }
}

#[test]
fn damaged_checkpoints() {
    let whole = run(&generator_b(), RULES).checkpoint(0);
    let code = |bytes: &[u8]| checkpoint::decode(bytes).map(|_| ()).map_err(|error| error.code);
    assert_eq!(code(&whole), Ok(()));
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(code(&flipped), Err("CHECKPOINT_CORRUPT"), "bit {bit}");
    }
    for len in 0..whole.len() {
        assert_eq!(code(&whole[..len]), Err("CHECKPOINT_CORRUPT"), "{len} bytes");
    }
    let restore = |rules: Rules| job(&[rules]).restore_unit(0, &whole).map_err(|error| error.code);
    assert_eq!(restore(RULES), Ok(()));
    for other in
        [Rules { threshold: 51, ..RULES }, Rules { gate_unit: 1_000, ..RULES }, Rules { reset: Some(0), ..RULES }]
    {
        assert_eq!(restore(other), Err("CHECKPOINT_MISMATCH"));
    }
}

#[test]
fn checkpoints_of_another_version() {
    use sha2::{Digest, Sha256};
    let mut bytes = run(&generator_b(), RULES).checkpoint(0);
    let body = bytes.len() - 16;
    bytes[4] = 2;
    let seal = Sha256::digest(&bytes[..body]);
    bytes[body..].copy_from_slice(&seal[..16]);
    assert_eq!(checkpoint::decode(&bytes).map_err(|error| error.code), Err("CHECKPOINT_VERSION"));
}
