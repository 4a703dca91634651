//! One pass over a stream of trades for K thresholds.
//!
//! The stream is checked once for all thresholds and cut into clean runs: at holes of ids and at resets the forming bars end as
//! orphans. Days of one segment are one stream; only parts (what coverage is made of) are cut at their ends.
//!
//! A day: `begin_day`, told its start · `push` and `mark_seen`, in the order of the ids · `end_day`, or `rollback_day` when it turns out bad.
//! `take` may come at any time; a `rollback_day` after it does nothing, so call `begin_day` again before going on with the day.
//! After a segment's last day, and before its last `take`: `end_segment`. It may come right behind `restore_unit`.

use crate::bar::{Bar, BarColumns};
use crate::calendar::{DAY_US, Segmentation};
use crate::check::{check_trade, is_clean};
use crate::engine::{EngineConfig, NoFeatures};
use crate::error::{CoreError, Result};
use crate::trade::TradeSlice;
use crate::unit::{Part, Unit};

/// Trades checked and consumed at a time: all columns of a chunk stay in the second cache for every threshold.
const CHUNK: usize = 4_096;

#[derive(Debug, Clone)]
pub struct JobConfig {
    pub thresholds: Vec<u32>,
    pub gate_unit_us: i64,
    pub segmentation: Segmentation,
}

/// Quarantined intervals remembered ahead of the stream; a file with more is broken, and those furthest ahead become holes.
const WAITING_MAX: usize = 1_024;

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
    /// Quarantined ids of the day that are ahead of the stream: first and last of each interval, in order, none next to another.
    /// They may stand in the file before ids that are lower.
    waiting: Vec<(i64, i64)>,
    day_start: Option<Snapshot>,
    /// The last id that was seen of the day when it was begun: it has been read in part already.
    begun_through: Option<i64>,
}

#[derive(Debug, Clone)]
struct Snapshot {
    position: Option<Position>,
    segment_end_us: i64,
    waiting: Vec<(i64, i64)>,
    marks: Vec<crate::unit::Mark>,
}

impl Position {
    pub fn is_followed_by(self, id: i64) -> bool {
        self.last_id.checked_add(1) == Some(id)
    }
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
        Ok(Self {
            segmentation: config.segmentation,
            units,
            position: None,
            segment_end_us: i64::MIN,
            waiting: Vec::new(),
            day_start: None,
            begun_through: None,
        })
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

    /// Remembers the state, so that a day that turns out bad leaves no trace. Parts are of this day from here on. A day that the
    /// job's position is in may be read from its start again: trades up to the position are passed over.
    pub fn begin_day(&mut self, day_start_us: i64) {
        for unit in &mut self.units {
            unit.begin_day(day_start_us);
        }
        let day = day_start_us..day_start_us.saturating_add(DAY_US);
        let begun = self.position.filter(|position| day.contains(&position.last_time_us));
        self.begun_through = begun.map(|position| position.last_id);
        self.day_start = Some(self.snapshot());
    }

    /// A job that is where this one was at `begin_day`, without what waits to be taken: to try the day with. None behind a `take`.
    pub fn at_day_start(&self) -> Option<Self> {
        let snapshot = self.day_start.clone()?;
        let units = self.units.iter().zip(&snapshot.marks).map(|(unit, mark)| unit.emptied_at(mark)).collect();
        Some(Self {
            segmentation: self.segmentation,
            units,
            position: snapshot.position,
            segment_end_us: snapshot.segment_end_us,
            waiting: snapshot.waiting,
            day_start: None,
            begun_through: self.begun_through,
        })
    }

    /// Drops what waits to be taken, but for the parts that may still grow.
    pub fn forget_gathered(&mut self) {
        for unit in &mut self.units {
            unit.forget_gathered();
        }
    }

    /// Back to `begin_day`, or to the last `take` of an unfinished day.
    pub fn rollback_day(&mut self) {
        if let Some(snapshot) = self.day_start.take() {
            self.restore(snapshot);
        }
    }

    /// The day's last trade has been pushed: the open parts end. Ids that are still ahead are in a hole: what a day leaves must
    /// not depend on whether the next is read by the same job.
    pub fn end_day(&mut self) {
        self.absorb_waiting(i64::MAX);
        self.waiting.clear();
        for unit in &mut self.units {
            unit.end_part();
        }
        self.day_start = None;
    }

    /// The segment's last day has been consumed: forming bars end as orphans of the boundary. Where all parts have been taken, the
    /// next `take` has the orphan and no part.
    pub fn end_segment(&mut self) {
        for unit in &mut self.units {
            unit.end_segment(&mut NoFeatures);
        }
    }

    /// Ids that were seen but are not trades, in any order. Where they continue the stream they make no hole.
    pub fn mark_seen(&mut self, first_id: i64, last_id: i64) {
        let through = self.position.map_or(i64::MIN, |position| position.last_id);
        if last_id <= through {
            return;
        }
        self.wait(first_id, last_id);
        self.absorb_waiting(i64::MAX);
    }

    fn wait(&mut self, mut first_id: i64, mut last_id: i64) {
        // Those that touch or overlap it become one with it.
        let start = self.waiting.partition_point(|&(_, last)| last < first_id.saturating_sub(1));
        let end = self.waiting.partition_point(|&(first, _)| first <= last_id.saturating_add(1));
        if start < end {
            first_id = first_id.min(self.waiting[start].0);
            last_id = last_id.max(self.waiting[end - 1].1);
        }
        self.waiting.splice(start..end, [(first_id, last_id)]);
        self.waiting.truncate(WAITING_MAX);
    }

    /// Quarantined ids below `end_id` that continue the stream are seen now.
    fn absorb_waiting(&mut self, end_id: i64) {
        let Some(position) = &mut self.position else { return };
        while let Some(&(first, last)) = self.waiting.first() {
            if last > position.last_id {
                let last = last.min(end_id.saturating_sub(1));
                if first > position.last_id + 1 || last <= position.last_id {
                    return;
                }
                let first = position.last_id + 1;
                position.last_id = last;
                for unit in &mut self.units {
                    unit.mark_seen(first, last);
                }
            } else {
                self.waiting.remove(0);
            }
        }
    }

    /// The first of the quarantined ids directly before `id`; those below `id` are over.
    fn lead_before(&mut self, id: i64) -> Option<i64> {
        let below = self.waiting.partition_point(|&(_, last)| last < id);
        let ended = self.waiting.drain(..below).next_back().filter(|&(_, last)| last + 1 == id);
        let around = self.waiting.first().copied().filter(|&(first, _)| first < id);
        ended.or(around).map(|(first, _)| first)
    }

    /// Consumes trades in id order, or nothing at all.
    ///
    /// # Errors
    /// `UNSORTED_TRADES`, `DUPLICATE_TRADE`, `TIME_OUT_OF_RANGE`, `BAD_TRADE`, each with the index and the (time, id) of the trade,
    /// the first two also with those of the one before; `OVERFLOW`.
    pub fn push(&mut self, trades: TradeSlice<'_>) -> Result<()> {
        let snapshot = self.snapshot();
        let mut start = self.already_read(trades);
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

    /// How many of the next trades were read when the day was read before. None, once there was a later one.
    fn already_read(&self, trades: TradeSlice<'_>) -> usize {
        match (self.begun_through, self.position) {
            (Some(through), Some(position)) if position.last_id == through => {
                trades.agg_id.iter().take_while(|&&id| id <= through).count()
            }
            _ => 0,
        }
    }

    fn push_chunk(&mut self, chunk: TradeSlice<'_>, offset: usize) -> Result<()> {
        let continues = self.position.is_some_and(|position| {
            position.is_followed_by(chunk.agg_id[0])
                && chunk.time_us[0] >= position.last_time_us
                && chunk.time_us[chunk.len() - 1] < self.segment_end_us
        });
        if continues && is_clean(chunk) {
            return self.consume(chunk);
        }
        self.push_checked(chunk, offset)
    }

    /// The slow way: looks at each trade and cuts the chunk at holes and resets.
    fn push_checked(&mut self, chunk: TradeSlice<'_>, offset: usize) -> Result<()> {
        let mut previous = self.position;
        let mut run_start = 0;
        for i in 0..chunk.len() {
            let (id, time) = (chunk.agg_id[i], chunk.time_us[i]);
            check_trade(chunk, i, offset + i, previous)?;
            let continues = previous.is_some_and(|position| position.is_followed_by(id)) && time < self.segment_end_us;
            if !continues {
                if i > run_start {
                    self.consume(chunk.slice(run_start..i))?;
                }
                run_start = i;
                self.cut_before(id, time);
            }
            previous = Some(Position { last_id: id, last_time_us: time });
        }
        self.consume(chunk.slice(run_start..chunk.len()))
    }

    /// The next trade does not directly follow the one before: a boundary or, unless quarantined ids fill it, a hole.
    fn cut_before(&mut self, id: i64, time_us: i64) {
        self.absorb_waiting(id);
        let lead_id = self.lead_before(id);
        for unit in &mut self.units {
            unit.cut_before(id, time_us, lead_id, &mut NoFeatures);
        }
        self.segment_end_us = self.segmentation.segment_end_us(time_us);
    }

    fn consume(&mut self, run: TradeSlice<'_>) -> Result<()> {
        let last = run.len() - 1;
        for unit in &mut self.units {
            unit.consume(run, &mut NoFeatures)?;
        }
        self.position = Some(Position { last_id: run.agg_id[last], last_time_us: run.time_us[last] });
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            position: self.position,
            segment_end_us: self.segment_end_us,
            waiting: self.waiting.clone(),
            marks: self.units.iter().map(Unit::mark).collect(),
        }
    }

    fn restore(&mut self, snapshot: Snapshot) {
        self.position = snapshot.position;
        self.segment_end_us = snapshot.segment_end_us;
        self.waiting = snapshot.waiting;
        for (unit, mark) in self.units.iter_mut().zip(snapshot.marks) {
            unit.reset_to(mark);
        }
    }
}
