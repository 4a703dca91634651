//! How a stream may be fed: any chunks, any splits by checkpoint, several thresholds at once, days, holes, quarantined ids.

mod support;

use barkeep_core::bar::Bar;
use barkeep_core::job::Job;
use barkeep_core::trade::TradeColumns;
use barkeep_core::unit::Part;
use proptest::prelude::*;
use support::generators::generator_b;
use support::oracle::{self, Rules, rows};
use support::streams::{all, assert_same, job, rules, run, stream};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Takes everything there is; the bars with the forming one at the end.
fn drain(job: &mut Job) -> Vec<Bar> {
    let mut bars = all(&job.take(0).0);
    bars.extend(job.peek(0));
    bars
}

fn whole(trades: &TradeColumns, rules: Rules) -> (Vec<Bar>, u64) {
    let mut job = run(trades, rules);
    let digest = job.unit(0).digest();
    (drain(&mut job), digest)
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn chunks_make_no_difference(
        trades in stream(0..1_200, true), rules in rules(), sizes in prop::collection::vec(1_usize..200, 1..20),
    ) {
        let mut job = job(&[rules]);
        let mut start = 0;
        for size in sizes.iter().cycle() {
            if start == trades.len() {
                break;
            }
            let end = (start + size).min(trades.len());
            job.push(trades.slice(start..end)).expect("the trades are in order");
            // Looking changes nothing.
            job.peek(0);
            start = end;
        }
        let digest = job.unit(0).digest();
        let (bars, expected_digest) = whole(&trades, rules);
        assert_same(&drain(&mut job), &bars);
        prop_assert_eq!(digest, expected_digest);
    }

    /// Several thresholds in one pass give what each gives alone; one that was ahead ignores what it has.
    #[test]
    fn thresholds_share_a_pass(
        trades in stream(1..800, true), first in rules(), others in prop::collection::vec(1_u32..2_000, 1..4), ahead in 0.0..1.0_f64,
    ) {
        let cut = (trades.len() as f64 * ahead) as usize;
        let all_rules: Vec<Rules> =
            std::iter::once(first).chain(others.iter().map(|&threshold| Rules { threshold, ..first })).collect();
        let mut together = job(&all_rules);
        let mut early = run(&trades_until(&trades, cut), all_rules[1]);
        let mut head = all(&early.take(0).0);
        if cut > 0 {
            together.restore_unit(1, &early.checkpoint(0)).expect("the checkpoint is whole");
        }
        together.push(trades.as_slice()).expect("the trades are in order");
        for (index, &rules) in all_rules.iter().enumerate() {
            let (bars, parts) = together.take(index);
            let expected = all(run(&trades, rules).unit(0).bars());
            if index == 1 {
                head.extend(all(&bars));
                assert_same(&head, &expected);
                prop_assert_eq!(parts.iter().map(|part| part.records).sum::<u64>(), (trades.len() - cut) as u64);
            } else {
                assert_same(&all(&bars), &expected);
            }
        }
    }

    /// A hole while one unit is ahead ends the bar of each exactly once, also when the hole is where only one of them is.
    #[test]
    fn a_unit_ahead_sees_holes(trades in stream(10..300, true), rules in rules(), from in 0.0..1.0_f64, skip in 0_usize..40) {
        let cut = 1 + ((trades.len() - 1) as f64 * from) as usize;
        let resume = (cut + skip).min(trades.len());
        let mut early = run(&trades_until(&trades, cut), rules);
        let mut bars = all(&early.take(0).0);
        // The other unit begins after what is skipped.
        let mut late = job(&[rules, Rules { threshold: 77, ..rules }]);
        late.restore_unit(0, &early.checkpoint(0)).expect("the checkpoint is whole");
        late.push(trades.slice(resume..trades.len())).expect("the trades are in order");
        bars.extend(all(late.unit(0).bars()));
        let mut fed = rows(&trades);
        fed.drain(cut..resume);
        let expected: Vec<Bar> = oracle::bars(&fed, rules).0.iter().map(|(bar, _)| *bar).collect();
        assert_same(&bars, &expected);
    }

    /// Parts cover what was consumed, without overlap, with the right sums, and end where days and holes are.
    #[test]
    fn parts_add_up(trades in stream(1..800, true), rules in rules(), days in prop::collection::vec(1_usize..200, 1..10)) {
        let mut job = job(&[rules]);
        let mut start = 0;
        for size in days.iter().cycle() {
            if start == trades.len() {
                break;
            }
            let end = (start + size).min(trades.len());
            job.begin_day(0);
            job.push(trades.slice(start..end)).expect("the trades are in order");
            job.end_day();
            start = end;
        }
        let digest = job.unit(0).digest();
        let (bars, parts) = job.take(0);
        let rows = rows(&trades);
        let mut next = 0;
        for part in &parts {
            let records = &rows[next..next + part.records as usize];
            next += records.len();
            let expected = oracle::bar(records, 0);
            prop_assert_eq!((part.from_id, part.through_id), (expected.first_agg_trade_id, expected.last_agg_trade_id));
            prop_assert_eq!((part.first_us, part.last_us), (expected.open_time, expected.close_time));
            prop_assert_eq!((part.volume, part.turnover), (expected.volume, expected.turnover));
            prop_assert_eq!(part.fills, expected.individual_trade_count);
            prop_assert_eq!(part.through_id - part.from_id + 1, part.records as i64);
        }
        prop_assert_eq!(next, rows.len());
        let orphans = bars.is_orphan.iter().map(|&flag| u64::from(flag)).sum::<u64>();
        prop_assert_eq!(parts.iter().map(|part| part.bars + part.orphans).sum::<u64>(), bars.len() as u64);
        prop_assert_eq!(parts.iter().map(|part| part.orphans).sum::<u64>(), orphans);
        prop_assert_eq!(parts.last().map(|part| part.bars_digest), Some(digest));
    }

    /// A day that turned out bad leaves no trace.
    #[test]
    fn rollback_leaves_no_trace(trades in stream(3..600, true), rules in rules(), share in 0.0..1.0_f64) {
        let cut = (trades.len() as f64 * share) as usize;
        let mut job = job(&[rules]);
        job.push(trades.slice(0..cut)).expect("the trades are in order");
        job.begin_day(0);
        job.push(trades.slice(cut..trades.len())).expect("the trades are in order");
        job.mark_seen(i64::MAX - 5, i64::MAX - 3);
        job.rollback_day();
        job.push(trades.slice(cut..trades.len())).expect("the trades are in order");
        let (bars, digest) = whole(&trades, rules);
        prop_assert_eq!(job.unit(0).digest(), digest);
        assert_same(&drain(&mut job), &bars);
    }
}

proptest! {
    #![proptest_config(config(12))]

    /// Saved and restored at every place of the stream: the same bars.
    #[test]
    fn every_split_by_checkpoint(trades in stream(1..160, true), rules in rules()) {
        let (bars, digest) = whole(&trades, rules);
        for cut in 0..=trades.len() {
            let mut first = job(&[rules]);
            first.push(trades.slice(0..cut)).expect("the trades are in order");
            let mut second = job(&[rules]);
            second.restore_unit(0, &first.checkpoint(0)).expect("the checkpoint is whole");
            prop_assert_eq!(first.checkpoint(0), second.checkpoint(0));
            second.push(trades.slice(cut..trades.len())).expect("the trades are in order");
            prop_assert_eq!(second.unit(0).digest(), digest);
            let mut split = all(&first.take(0).0);
            split.extend(drain(&mut second));
            assert_same(&split, &bars);
        }
    }
}

fn trades_until(trades: &TradeColumns, end: usize) -> TradeColumns {
    let slice = trades.slice(0..end);
    TradeColumns {
        agg_id: slice.agg_id.to_vec(),
        price: slice.price.to_vec(),
        volume: slice.volume.to_vec(),
        first_id: slice.first_id.to_vec(),
        last_id: slice.last_id.to_vec(),
        time_us: slice.time_us.to_vec(),
        buyer_maker: slice.buyer_maker.to_vec(),
    }
}

const RULES: Rules = Rules { threshold: 50, gate_unit: 1, reset: None };

/// Ids 1000 … 10999 without some, which were quarantined or are missing.
fn without(removed: std::ops::Range<i64>) -> (TradeColumns, usize) {
    let trades = generator_b();
    let at = (removed.start - 1_000) as usize;
    let gone = (removed.end - removed.start) as usize;
    let mut kept = trades_until(&trades, at);
    let rest = trades.slice(at + gone..trades.len());
    kept.agg_id.extend_from_slice(rest.agg_id);
    kept.price.extend_from_slice(rest.price);
    kept.volume.extend_from_slice(rest.volume);
    kept.first_id.extend_from_slice(rest.first_id);
    kept.last_id.extend_from_slice(rest.last_id);
    kept.time_us.extend_from_slice(rest.time_us);
    kept.buyer_maker.extend_from_slice(rest.buyer_maker);
    (kept, at)
}

fn push_around(trades: &TradeColumns, at: usize, seen: &[(i64, i64)]) -> (Vec<Bar>, Vec<Part>) {
    let mut job = job(&[RULES]);
    job.push(trades.slice(0..at)).expect("the trades are in order");
    for &(first, last) in seen {
        job.mark_seen(first, last);
    }
    job.push(trades.slice(at..trades.len())).expect("the trades are in order");
    let (bars, parts) = job.take(0);
    (all(&bars), parts)
}

#[test]
fn a_hole_ends_the_bar_as_an_orphan() {
    let (trades, at) = without(5_000..5_010);
    let (bars, parts) = push_around(&trades, at, &[]);
    let orphans: Vec<&Bar> = bars.iter().filter(|bar| bar.is_orphan == 1).collect();
    assert_eq!(orphans.len(), 1);
    assert_eq!((orphans[0].last_agg_trade_id, orphans[0].orphan_reason), (4_999, 4));
    let bounds: Vec<_> = parts.iter().map(|part| (part.from_id, part.through_id, part.orphans)).collect();
    assert_eq!(bounds, [(1_000, 4_999, 1), (5_010, 10_999, 0)]);
}

#[test]
fn quarantined_ids_make_no_hole() {
    let (trades, at) = without(5_000..5_010);
    for seen in [&[(5_000, 5_009)][..], &[(5_000, 5_003), (5_004, 5_009)], &[(5_000, 5_009), (5_000, 5_009)]] {
        let (bars, parts) = push_around(&trades, at, seen);
        assert!(bars.iter().all(|bar| bar.is_orphan == 0));
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0].from_id, parts[0].through_id, parts[0].quarantined), (1_000, 10_999, 10));
        assert_eq!(parts[0].records, trades.len() as u64);
    }
}

/// A hole is an id that is nowhere: in which order the quarantined ones stand in the file does not matter.
#[test]
fn quarantined_ids_in_any_order_make_no_hole() {
    let (trades, at) = without(5_000..5_010);
    let one_by_one: Vec<(i64, i64)> = (0..10).map(|i| (5_000 + i * 7 % 10, 5_000 + i * 7 % 10)).collect();
    let downwards: Vec<(i64, i64)> = (5_000..5_010).rev().map(|id| (id, id)).collect();
    for seen in [&one_by_one[..], &downwards, &[(5_004, 5_009), (5_000, 5_003)], &[(5_002, 5_006), (5_000, 5_009)]] {
        let (bars, parts) = push_around(&trades, at, seen);
        assert!(bars.iter().all(|bar| bar.is_orphan == 0), "{seen:?}");
        let told: Vec<_> = parts.iter().map(|part| (part.from_id, part.through_id, part.quarantined)).collect();
        assert_eq!(told, [(1_000, 10_999, 10)], "{seen:?}");
        // Far ahead of where they belong.
        let mut job = job(&[RULES, Rules { threshold: 77, ..RULES }]);
        job.push(trades.slice(0..100)).expect("the trades are in order");
        seen.iter().for_each(|&(first, last)| job.mark_seen(first, last));
        job.push(trades.slice(100..trades.len())).expect("the trades are in order");
        assert_same(&all(job.unit(0).bars()), &bars);
        assert_eq!(job.unit(0).parts(), parts);
    }
    // One is nowhere: a hole, and what stood before it does not come back at a later one.
    let (bars, parts) = push_around(&trades, at, &[(5_006, 5_009), (5_001, 5_004), (5_000, 5_000)]);
    assert_eq!(bars.iter().filter(|bar| bar.is_orphan == 1).count(), 1);
    let told: Vec<_> = parts.iter().map(|part| (part.from_id, part.through_id, part.quarantined)).collect();
    assert_eq!(told, [(1_000, 5_004, 5), (5_006, 10_999, 4)]);
}

#[test]
fn quarantined_ids_that_are_ahead_of_one_unit_continue_another() {
    let (trades, at) = without(5_000..5_010);
    let whole = push_around(&trades, at, &[(5_000, 5_009)]).0;
    let mut early = job(&[RULES]);
    early.push(trades.slice(0..at)).expect("the trades are in order");
    let mut bars = all(&early.take(0).0);
    // The other unit has nothing yet.
    let mut late = job(&[RULES, Rules { threshold: 77, ..RULES }]);
    late.restore_unit(0, &early.checkpoint(0)).expect("the checkpoint is whole");
    late.mark_seen(5_000, 5_009);
    late.push(trades.slice(at..trades.len())).expect("the trades are in order");
    let (rest, parts) = late.take(0);
    bars.extend(all(&rest));
    assert_same(&bars, &whole);
    assert_eq!((parts.len(), parts[0].from_id, parts[0].quarantined), (1, 5_000, 10));
    assert_eq!(late.unit(1).parts()[0].from_id, 5_000);
}

/// Whether the next day is read by the same job or by one that was restored: the same.
#[test]
fn quarantined_ids_do_not_wait_for_another_day() {
    let (trades, at) = without(5_000..5_010);
    let mut job = job(&[RULES]);
    job.begin_day(0);
    job.push(trades.slice(0..at)).expect("the trades are in order");
    job.mark_seen(5_003, 5_009);
    job.end_day();
    job.begin_day(1);
    job.mark_seen(5_000, 5_002);
    job.push(trades.slice(at..trades.len())).expect("the trades are in order");
    job.end_day();
    let told: Vec<_> = job.unit(0).parts().iter().map(|part| (part.from_id, part.through_id, part.orphans)).collect();
    assert_eq!(told, [(1_000, 4_999, 0), (5_000, 5_002, 1), (5_010, 10_999, 0)]);
}

#[test]
fn quarantined_ids_beyond_a_hole_or_before_the_first_trade_belong_to_the_next_part() {
    let (trades, at) = without(5_000..5_010);
    let (_, parts) = push_around(&trades, at, &[(5_006, 5_007), (5_008, 5_009)]);
    assert_eq!((parts[1].from_id, parts[1].quarantined), (5_006, 4));
    // Not directly before the next trade: part of the hole.
    let (_, parts) = push_around(&trades, at, &[(5_004, 5_006)]);
    assert_eq!((parts[1].from_id, parts[1].quarantined), (5_010, 0));
    let mut job = job(&[RULES]);
    job.mark_seen(998, 999);
    job.push(trades.slice(0..at)).expect("the trades are in order");
    let part = job.unit(0).parts()[0];
    assert_eq!((part.from_id, part.through_id, part.quarantined, part.records), (998, 4_999, 2, 4_000));
}

/// A day may begin with quarantined ids that continue the day before and end at a hole: they are the day's all the same.
#[test]
fn parts_are_of_the_day_they_were_read_for() {
    let trades = generator_b();
    let (last_us, next_us) = (trades.time_us[3_999], trades.time_us[5_000]);
    let day_us = last_us + 1;
    let mut first = job(&[RULES]);
    first.begin_day(last_us - 1_000_000);
    first.push(trades.slice(0..4_000)).expect("the trades are in order");
    first.end_day();
    assert_eq!(first.unit(0).parts()[0].day_start_us, last_us - 1_000_000);
    let mut second = job(&[RULES]);
    second.restore_unit(0, &first.checkpoint(0)).expect("the checkpoint is whole");
    second.begin_day(day_us);
    second.mark_seen(5_000, 5_003);
    second.push(trades.slice(5_000..10_000)).expect("the trades are in order");
    second.mark_seen(11_000, 11_001);
    second.end_day();
    let (_, parts) = second.take(0);
    let told: Vec<_> = parts
        .iter()
        .map(|part| (part.from_id, part.through_id, part.day_start_us, part.first_us, part.last_us))
        .collect();
    assert_eq!(told, [(5_000, 5_003, day_us, day_us, day_us), (6_000, 11_001, day_us, next_us, trades.time_us[9_999])]);
    // Ids without a trade later in a day: the time does not go back to its start.
    second.begin_day(day_us);
    second.mark_seen(11_002, 11_002);
    let part = second.unit(0).parts()[0];
    assert_eq!((part.day_start_us, part.first_us), (day_us, trades.time_us[9_999]));
}

#[test]
fn the_end_of_a_segment_is_an_orphan_of_its_boundary() {
    let trades = generator_b();
    for (mode, reason) in [(0, 1), (1, 2), (2, 3)] {
        let mut job = run(&trades, Rules { reset: Some(mode), ..RULES });
        let forming = job.peek(0).expect("a bar is forming");
        job.end_segment();
        job.end_segment();
        assert!(job.peek(0).is_none());
        let (bars, parts) = job.take(0);
        assert_same(&all(&bars)[bars.len() - 1..], &[Bar { is_orphan: 1, orphan_reason: reason, ..forming }]);
        assert_eq!((parts[0].orphans, parts[0].bars), (1, bars.len() as u64 - 1));
    }
}

/// A segment whose last days have no archive ends after its last bars were taken: the orphan comes with no part of its own.
#[test]
fn a_segment_that_ends_after_its_last_take_gives_the_orphan_alone() {
    let trades = generator_b();
    let rules = Rules { reset: Some(0), ..RULES };
    let mut taken = run(&trades, rules);
    taken.take(0);
    let mut restored = job(&[rules]);
    restored.restore_unit(0, &taken.checkpoint(0)).expect("the checkpoint is whole");
    for mut job in [taken, restored] {
        let forming = job.peek(0).expect("a bar is forming");
        let (digest, position) = (job.unit(0).digest(), job.position());
        job.end_segment();
        let (bars, parts) = job.take(0);
        assert_same(&all(&bars), &[Bar { is_orphan: 1, orphan_reason: 1, ..forming }]);
        assert_eq!((bars.ended_by_id, parts), (vec![10_999], vec![]));
        let mut after = support::streams::job(&[rules]);
        after.restore_unit(0, &job.checkpoint(0)).expect("the checkpoint is whole");
        assert_eq!((after.peek(0), after.unit(0).digest(), after.position()), (None, digest, position));
        // There is no second one.
        after.end_segment();
        assert!(after.unit(0).bars().is_empty());
    }
}

#[test]
fn days_are_one_stream() {
    let trades = generator_b();
    let mut job = job(&[RULES]);
    for day in 0..10 {
        job.begin_day(0);
        job.push(trades.slice(day * 1_000..(day + 1) * 1_000)).expect("the trades are in order");
        job.end_day();
    }
    assert_eq!(job.unit(0).digest(), 0x040c_a5b6_6fba_9826);
    assert_eq!(job.unit(0).parts().len(), 10);
}
