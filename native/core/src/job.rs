//! One pass over a stream of trades for K thresholds.
//!
//! The stream is checked once for all thresholds and cut into clean runs: at holes of ids and at resets the forming bars end as
//! orphans. `begin_day` remembers the state, `rollback_day` returns to it; two days of one segment are one stream.

use crate::bar::{Bar, BarColumns, OrphanReason};
use crate::calendar::Segmentation;
use crate::engine::{BarObserver, EngineConfig};
use crate::error::{CoreError, Result};
use crate::trade::TradeSlice;
use crate::unit::{Part, Unit};

/// Trades checked and consumed at a time: all columns of a chunk stay in the second cache for every threshold.
const CHUNK: usize = 4_096;

/// 2000-01-01 and 2035-01-01, the times that can be trades.
const TIME_MIN_US: i64 = 946_684_800_000_000;
const TIME_MAX_US: i64 = 2_051_222_400_000_000;

#[derive(Debug, Clone)]
pub struct JobConfig {
    pub thresholds: Vec<u32>,
    pub gate_unit_us: i64,
    pub segmentation: Segmentation,
}

/// Where the stream is: the last id seen (a quarantined one counts) and the last trade's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub last_id: i64,
    pub last_time_us: i64,
}

#[derive(Debug, Clone)]
pub struct Job {
    segmentation: Segmentation,
    units: Vec<Unit>,
    position: Option<Position>,
    segment_end_us: i64,
    day_start: Option<Snapshot>,
}

#[derive(Debug, Clone)]
struct Snapshot {
    position: Option<Position>,
    segment_end_us: i64,
    marks: Vec<crate::unit::Mark>,
}

/// Base bars need nothing beyond their sums.
struct NoFeatures;

impl BarObserver for NoFeatures {
    fn bar_ended(&mut self, _bar: &Bar) {}
}

impl Job {
    /// # Errors
    /// `BAD_THRESHOLD`, `BAD_GATE_UNIT`, `NO_THRESHOLDS`.
    pub fn new(config: &JobConfig) -> Result<Self> {
        if config.thresholds.is_empty() {
            return Err(CoreError::new("NO_THRESHOLDS", "a job needs at least one threshold"));
        }
        let units = config
            .thresholds
            .iter()
            .map(|&threshold_dbps| {
                let engine = EngineConfig { threshold_dbps, gate_unit_us: config.gate_unit_us };
                Unit::new(engine, config.segmentation)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { segmentation: config.segmentation, units, position: None, segment_end_us: i64::MIN, day_start: None })
    }

    /// Puts one unit where a checkpoint left it; before the first push. The job goes on from the unit that is least far.
    ///
    /// # Errors
    /// `CHECKPOINT_CORRUPT`, `CHECKPOINT_VERSION`, `CHECKPOINT_MISMATCH` (another threshold, gate or segmentation).
    pub fn restore_unit(&mut self, index: usize, checkpoint: &[u8]) -> Result<()> {
        self.units[index].restore(checkpoint)?;
        let positions = self.units.iter().map(Unit::position);
        // A unit without a position has everything to come: so has the job.
        self.position = positions
            .reduce(|a, b| match (a, b) {
                (Some(a), Some(b)) => Some(if a.last_id <= b.last_id { a } else { b }),
                _ => None,
            })
            .flatten();
        self.segment_end_us = self.position.map_or(i64::MIN, |p| self.segmentation.segment_end_us(p.last_time_us));
        Ok(())
    }

    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    pub fn unit(&self, index: usize) -> &Unit {
        &self.units[index]
    }

    /// The bars and parts a unit has gathered since it was last taken from.
    pub fn take(&mut self, index: usize) -> (BarColumns, Vec<Part>) {
        self.day_start = None;
        self.units[index].take()
    }

    pub fn checkpoint(&self, index: usize) -> Vec<u8> {
        self.units[index].checkpoint()
    }

    pub fn peek(&self, index: usize) -> Option<Bar> {
        self.units[index].peek()
    }

    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Remembers the state, so that a day that turns out bad leaves no trace.
    pub fn begin_day(&mut self) {
        for unit in &mut self.units {
            unit.end_part();
        }
        self.day_start = Some(self.snapshot());
    }

    /// Back to `begin_day`, or to the last `take` of an unfinished day.
    pub fn rollback_day(&mut self) {
        if let Some(snapshot) = self.day_start.take() {
            self.restore(snapshot);
        }
    }

    /// The day's last trade has been pushed: the open parts end.
    pub fn end_day(&mut self) {
        for unit in &mut self.units {
            unit.end_part();
        }
        self.day_start = None;
    }

    /// The segment's last day has been consumed: forming bars end as orphans of the boundary.
    pub fn end_segment(&mut self) {
        if let Some(reason) = self.segmentation.orphan_reason() {
            self.close_orphans(reason);
        }
    }

    /// Ids that were seen but are not trades. Where they continue the stream they make no hole.
    pub fn mark_seen(&mut self, first_id: i64, last_id: i64) {
        match &mut self.position {
            Some(position) if first_id == position.last_id + 1 => position.last_id = last_id,
            // Before the first trade, or beyond a hole: the next trade decides.
            _ => return,
        }
        for unit in &mut self.units {
            unit.mark_seen(first_id, last_id);
        }
    }

    /// Consumes trades in id order, or nothing at all.
    ///
    /// # Errors
    /// `UNSORTED_TRADES`, `DUPLICATE_TRADE`, `TIME_OUT_OF_RANGE`, each with the index and both (time, id) pairs.
    pub fn push(&mut self, trades: TradeSlice<'_>) -> Result<()> {
        let snapshot = self.snapshot();
        let mut start = 0;
        while start < trades.len() {
            let end = (start + CHUNK).min(trades.len());
            if let Err(error) = self.push_chunk(trades.slice(start..end), start) {
                self.restore(snapshot);
                return Err(error);
            }
            start = end;
        }
        Ok(())
    }

    fn push_chunk(&mut self, chunk: TradeSlice<'_>, offset: usize) -> Result<()> {
        let last = chunk.len() - 1;
        let continues = self.position.is_some_and(|p| {
            chunk.agg_id[0] == p.last_id + 1
                && chunk.time_us[0] >= p.last_time_us
                && chunk.time_us[last] < self.segment_end_us
                && chunk.time_us[last] <= TIME_MAX_US
        });
        if continues && is_clean(chunk) {
            self.consume(chunk);
            return Ok(());
        }
        self.push_checked(chunk, offset)
    }

    /// The slow way: looks at each trade and cuts the chunk at holes and resets.
    fn push_checked(&mut self, chunk: TradeSlice<'_>, offset: usize) -> Result<()> {
        let mut run_start = 0;
        for i in 0..chunk.len() {
            let (id, time) = (chunk.agg_id[i], chunk.time_us[i]);
            if !(TIME_MIN_US..=TIME_MAX_US).contains(&time) {
                return Err(CoreError::new(
                    "TIME_OUT_OF_RANGE",
                    format!("trade {} (id {id}) has time {time} µs, outside 2000 … 2035", offset + i),
                )
                .at_index(offset + i));
            }
            let previous = if i == 0 {
                self.position
            } else {
                Some(Position { last_id: chunk.agg_id[i - 1], last_time_us: chunk.time_us[i - 1] })
            };
            let Some(previous) = previous else {
                self.segment_end_us = self.segmentation.segment_end_us(time);
                continue;
            };
            if id <= previous.last_id || time < previous.last_time_us {
                return Err(unsorted(offset + i, previous, id, time));
            }
            let hole = id != previous.last_id + 1;
            let reset = time >= self.segment_end_us;
            if hole || reset {
                if i > run_start {
                    self.consume(chunk.slice(run_start..i));
                }
                run_start = i;
                match self.segmentation.orphan_reason() {
                    Some(reason) if reset => self.close_orphans(reason),
                    _ => self.close_orphans(OrphanReason::IdGap),
                }
                for unit in &mut self.units {
                    unit.cut_before(id, reset);
                }
                self.segment_end_us = self.segmentation.segment_end_us(time);
            }
        }
        self.consume(chunk.slice(run_start..chunk.len()));
        Ok(())
    }

    fn consume(&mut self, run: TradeSlice<'_>) {
        let last = run.len() - 1;
        for unit in &mut self.units {
            unit.consume(run, &mut NoFeatures);
        }
        self.position = Some(Position { last_id: run.agg_id[last], last_time_us: run.time_us[last] });
    }

    fn close_orphans(&mut self, reason: OrphanReason) {
        let at = self.position;
        for unit in &mut self.units {
            // A unit that is ahead ended its bar when it was there.
            if unit.position() == at {
                unit.close_orphan(reason, &mut NoFeatures);
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            position: self.position,
            segment_end_us: self.segment_end_us,
            marks: self.units.iter().map(Unit::mark).collect(),
        }
    }

    fn restore(&mut self, snapshot: Snapshot) {
        self.position = snapshot.position;
        self.segment_end_us = snapshot.segment_end_us;
        for (unit, mark) in self.units.iter_mut().zip(snapshot.marks) {
            unit.reset_to(mark);
        }
    }
}

/// Whether ids are consecutive and times do not decrease; one pass the compiler turns into vectors.
fn is_clean(chunk: TradeSlice<'_>) -> bool {
    let ids = chunk.agg_id.iter().zip(&chunk.agg_id[1..]);
    let times = chunk.time_us.iter().zip(&chunk.time_us[1..]);
    let jumps = ids.fold(0, |bits, (a, b)| bits | (b.wrapping_sub(*a) ^ 1));
    let backwards = times.fold(0, |bits, (a, b)| bits | b.wrapping_sub(*a));
    jumps == 0 && backwards >= 0
}

fn unsorted(index: usize, previous: Position, id: i64, time: i64) -> CoreError {
    let code = if id == previous.last_id { "DUPLICATE_TRADE" } else { "UNSORTED_TRADES" };
    CoreError::new(
        code,
        format!(
            "trade {index} (time {time} µs, id {id}) does not follow (time {} µs, id {})",
            previous.last_time_us, previous.last_id
        ),
    )
    .at_index(index)
}
