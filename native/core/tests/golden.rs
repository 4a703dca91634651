//! The reference digests: two integer generators, six configurations each.

mod support;

use barkeep_core::calendar::Segmentation;
use barkeep_core::job::{Job, JobConfig};
use barkeep_core::trade::TradeColumns;
use support::generators::{generator_a, generator_b};

fn run(trades: &TradeColumns, threshold: u32, gate: bool) -> Job {
    let mut job = Job::new(&JobConfig {
        thresholds: vec![threshold],
        gate_unit_us: i64::from(gate),
        segmentation: Segmentation::None,
    })
    .expect("the configuration is valid");
    job.push(trades.as_slice()).expect("the trades are in order");
    job
}

#[test]
fn generators_are_the_reference_ones() {
    let a = generator_a();
    assert_eq!((a.price[0], a.volume[0], a.first_id[0], a.last_id[0]), (10_000_000_000, 39_313_000_000, 1, 2));
    assert_eq!(
        (a.price[1], a.time_us[1], a.last_id[1], a.buyer_maker[1]),
        (10_000_422_000, 1_700_000_000_001_000, 5, 1)
    );
    assert_eq!((a.price[9_999], a.time_us[9_999]), (9_999_826_000, 1_700_000_246_585_000));
    assert_eq!(generator_b().time_us[9_999], 1_700_000_001_034_000);
}

#[test]
fn digests_of_generator_a() {
    let trades = generator_a();
    for (threshold, gate, bars, digest, forming_first, forming_records) in [
        (50, true, 389, 0x7864_3cff_4712_557d, 10_996, 4),
        (100, true, 114, 0xb961_c304_65a4_9a1c, 10_954, 46),
        (100, false, 114, 0xb961_c304_65a4_9a1c, 10_954, 46),
        (250, true, 15, 0x1de4_6553_954f_b998, 9_525, 1_475),
        (250, false, 15, 0x1de4_6553_954f_b998, 9_525, 1_475),
        (1_000, true, 0, 0xcbf2_9ce4_8422_2325, 1_000, 10_000),
    ] {
        let job = run(&trades, threshold, gate);
        assert_eq!(job.unit(0).bars().len(), bars, "{threshold} {gate}");
        assert_eq!(job.unit(0).digest(), digest, "{threshold} {gate}");
        let forming = job.peek(0).expect("a bar is forming");
        assert_eq!((forming.first_agg_trade_id, forming.agg_record_count), (forming_first, forming_records));
    }
}

#[test]
fn digests_of_generator_b() {
    let trades = generator_b();
    for (threshold, gate, bars, digest, zero_duration) in [
        (20, true, 757, 0x7f9a_8ec1_0a87_5098, 0),
        (20, false, 1_587, 0x973e_cfc1_bbaa_fc29, 970),
        (50, true, 335, 0x040c_a5b6_6fba_9826, 0),
        (50, false, 389, 0x2a18_04f4_4f37_af53, 88),
        (100, true, 114, 0x4c0c_72ab_f77e_589b, 0),
        (100, false, 114, 0xc5fb_833a_84fa_8f59, 2),
    ] {
        let job = run(&trades, threshold, gate);
        let out = job.unit(0).bars();
        assert_eq!(out.len(), bars, "{threshold} {gate}");
        assert_eq!(job.unit(0).digest(), digest, "{threshold} {gate}");
        assert_eq!(out.duration_us.iter().filter(|&&us| us == 0).count(), zero_duration);
    }
}

#[test]
fn first_bar_of_generator_a_bit_for_bit() {
    let job = run(&generator_a(), 250, true);
    let bar = job.unit(0).bars().get(0);
    assert_eq!(
        (bar.open, bar.high, bar.low, bar.close),
        (10_000_000_000, 10_002_472_000, 9_974_120_000, 9_974_120_000)
    );
    assert_eq!(bar.turnover, 103_478_128_293_224_000_000_000);
    assert_eq!((bar.buy_trade_count, bar.sell_trade_count, bar.vwap), (256, 316, 9_988_387_690));
    assert_eq!(bar.duration_us, 5_805_000);
    for (actual, expected) in [
        (bar.ofi, -0.116_281_395_384_080_64),
        (bar.vwap_close_deviation, -0.503_233_987_020_316_1),
        (bar.price_impact, 2.498_107_355_487_855_4e-6),
        (bar.kyle_lambda_proxy, 0.022_256_354_866_156_382),
        (bar.trade_intensity, 98.535_745_047_372_96),
        (bar.volume_per_trade, 181.116_136_363_636_34),
        (bar.aggression_ratio, 0.810_126_582_278_481),
        (bar.aggregation_density, 2.497_816_593_886_463),
        (bar.turnover_imbalance, -0.116_306_239_228_334_51),
    ] {
        assert_eq!(actual.to_bits(), f64::to_bits(expected), "{actual} {expected}");
    }
}

#[test]
fn last_bar_of_generator_a() {
    let job = run(&generator_a(), 250, true);
    let bars = job.unit(0).bars();
    let bar = bars.get(bars.len() - 1);
    assert_eq!((bar.open_time, bar.close_time), (1_700_000_197_681_000, 1_700_000_210_614_000));
    assert_eq!((bar.open, bar.high, bar.low, bar.close), (9_999_882_000, 10_001_398_000, 9_974_852_000, 9_974_852_000));
    assert_eq!((bar.volume, bar.individual_trade_count, bar.vwap), (25_465_836_000_000, 1_279, 9_986_153_601));
    assert_eq!((bar.first_agg_trade_id, bar.last_agg_trade_id), (9_008, 9_524));
    for (actual, expected) in [
        (bar.ofi, 0.090_602_405_513_017_53),
        (bar.kyle_lambda_proxy, -0.027_626_524_059_439_574),
        (bar.trade_intensity, 98.894_301_399_520_6),
        (bar.turnover_imbalance, 0.090_616_047_458_039_07),
    ] {
        assert_eq!(actual.to_bits(), f64::to_bits(expected), "{actual} {expected}");
    }
}

/// The output version is tied to the digests above: when one of them has to change, so has the version.
#[test]
fn output_version() {
    assert_eq!(barkeep_core::BAR_VERSION, 1);
}
