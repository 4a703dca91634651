//! One threshold of a job: its engine, the bars and parts not yet taken, the digest so far.

use crate::bar::{Bar, BarColumns, OrphanReason};
use crate::calendar::Segmentation;
use crate::checkpoint;
use crate::digest;
use crate::engine::{BarEngine, BarObserver, EngineConfig};
use crate::error::Result;
use crate::job::Position;
use crate::trade::TradeSlice;

/// A gapless interval of ids that the unit consumed, cut at holes, resets, day ends and takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub from_id: i64,
    pub through_id: i64,
    pub first_us: i64,
    pub last_us: i64,
    /// Aggregate trades; ids that were quarantined are in the interval but not among these.
    pub records: u64,
    pub fills: u64,
    pub volume: i128,
    pub turnover: i128,
    pub quarantined: u64,
    /// Completed bars whose last trade is in the interval.
    pub bars: u64,
    pub orphans: u64,
    /// Digest over the segment's completed bars up to the part's end.
    pub bars_digest: u64,
}

#[derive(Debug, Clone)]
pub struct Unit {
    segmentation: Segmentation,
    engine: BarEngine,
    bars: BarColumns,
    parts: Vec<Part>,
    /// The last of `parts` may still grow.
    part_open: bool,
    position: Option<Position>,
    digest: u64,
    /// Bars already folded into `digest` and counted in a part.
    counted: usize,
    /// Orphans that ended before the part they are reported in began.
    pending_orphans: u64,
    /// Sums of all bars ended since the unit was made or restored.
    ended: Totals,
    /// What had been consumed when the open part began.
    part_start: Totals,
}

/// A state to return to.
#[derive(Debug, Clone)]
pub struct Mark {
    engine: BarEngine,
    bars: usize,
    parts: usize,
    last_part: Option<Part>,
    part_open: bool,
    position: Option<Position>,
    digest: u64,
    counted: usize,
    pending_orphans: u64,
    ended: Totals,
    part_start: Totals,
}

impl Unit {
    pub(crate) fn new(config: EngineConfig, segmentation: Segmentation) -> Result<Self> {
        Ok(Self {
            segmentation,
            engine: BarEngine::new(config)?,
            bars: BarColumns::default(),
            parts: Vec::new(),
            part_open: false,
            position: None,
            digest: digest::EMPTY,
            counted: 0,
            pending_orphans: 0,
            ended: Totals::default(),
            part_start: Totals::default(),
        })
    }

    pub(crate) fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let state = checkpoint::decode(bytes)?;
        state.check_matches(self.engine.config(), self.segmentation)?;
        self.engine.forming = state.forming;
        self.position = state.position;
        self.digest = state.digest;
        Ok(())
    }

    pub fn checkpoint(&self) -> Vec<u8> {
        checkpoint::encode(&checkpoint::State {
            config: self.engine.config(),
            segmentation: self.segmentation,
            forming: self.engine.forming,
            position: self.position,
            digest: self.digest,
        })
    }

    /// Bars not yet taken.
    pub fn bars(&self) -> &BarColumns {
        &self.bars
    }

    /// Parts not yet taken.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Digest over the segment's completed bars so far.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    pub fn threshold_dbps(&self) -> u32 {
        self.engine.config().threshold_dbps
    }

    pub fn position(&self) -> Option<Position> {
        self.position
    }

    pub fn peek(&self) -> Option<Bar> {
        self.engine.peek()
    }

    pub(crate) fn take(&mut self) -> (BarColumns, Vec<Part>) {
        self.part_open = false;
        self.counted = 0;
        (std::mem::take(&mut self.bars), std::mem::take(&mut self.parts))
    }

    /// Consumes what the unit does not have yet of a clean run.
    pub(crate) fn consume(&mut self, run: TradeSlice<'_>, observer: &mut impl BarObserver) {
        let have = self.position.map_or(i64::MIN, |position| position.last_id);
        let skip = run.agg_id.partition_point(|&id| id <= have);
        if skip == run.len() {
            return;
        }
        let run = run.slice(skip..run.len());
        let last = run.len() - 1;
        if !self.part_open {
            self.open_part(run.agg_id[0], run.time_us[0]);
        }
        self.engine.push_run(run, &mut self.bars, observer);
        self.position = Some(Position { last_id: run.agg_id[last], last_time_us: run.time_us[last] });
        if let Some(part) = self.parts.last_mut() {
            part.through_id = run.agg_id[last];
            part.last_us = run.time_us[last];
            part.records += run.len() as u64;
        }
        self.count_bars();
    }

    /// Quarantined ids that continue the stream belong to the interval; a unit that is ahead has them already.
    pub(crate) fn mark_seen(&mut self, first_id: i64, last_id: i64) {
        match &mut self.position {
            Some(position) if position.last_id + 1 == first_id => position.last_id = last_id,
            _ => return,
        }
        if !self.part_open {
            let time = self.position.map_or(0, |position| position.last_time_us);
            self.open_part(first_id, time);
        }
        if let Some(part) = self.parts.last_mut() {
            part.through_id = last_id;
            part.quarantined += (last_id - first_id + 1) as u64;
        }
    }

    pub(crate) fn close_orphan(&mut self, reason: OrphanReason, observer: &mut impl BarObserver) {
        if self.engine.close_orphan(reason, &mut self.bars, observer) {
            self.count_bars();
        }
    }

    /// A hole or reset lies before the trade `id`. A reset starts another segment, whose digest begins anew.
    pub(crate) fn cut_before(&mut self, id: i64, reset: bool) {
        if self.position.is_some_and(|position| position.last_id < id) {
            self.part_open = false;
            if reset {
                self.digest = digest::EMPTY;
            }
        }
    }

    pub(crate) fn end_part(&mut self) {
        self.part_open = false;
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            engine: self.engine.clone(),
            bars: self.bars.len(),
            parts: self.parts.len(),
            last_part: self.parts.last().copied(),
            part_open: self.part_open,
            position: self.position,
            digest: self.digest,
            counted: self.counted,
            pending_orphans: self.pending_orphans,
            ended: self.ended,
            part_start: self.part_start,
        }
    }

    pub(crate) fn reset_to(&mut self, mark: Mark) {
        self.engine = mark.engine;
        self.bars.truncate(mark.bars);
        self.parts.truncate(mark.parts);
        if let (Some(last), Some(was)) = (self.parts.last_mut(), mark.last_part) {
            *last = was;
        }
        self.part_open = mark.part_open;
        self.position = mark.position;
        self.digest = mark.digest;
        self.counted = mark.counted;
        self.pending_orphans = mark.pending_orphans;
        self.ended = mark.ended;
        self.part_start = mark.part_start;
    }

    fn consumed(&self) -> Totals {
        match &self.engine.forming {
            Some(forming) => self.ended.plus(forming.sums.fills, forming.sums.volume, forming.sums.turnover),
            None => self.ended,
        }
    }

    fn open_part(&mut self, from_id: i64, time_us: i64) {
        self.part_open = true;
        self.part_start = self.consumed();
        self.parts.push(Part {
            from_id,
            through_id: from_id,
            first_us: time_us,
            last_us: time_us,
            records: 0,
            fills: 0,
            volume: 0,
            turnover: 0,
            quarantined: 0,
            bars: 0,
            orphans: std::mem::take(&mut self.pending_orphans),
            bars_digest: self.digest,
        });
    }

    /// Folds the bars since the last count into the digest and the part in which they ended, and brings its sums up to date.
    fn count_bars(&mut self) {
        let mut completed = 0;
        let mut orphans = 0;
        for index in self.counted..self.bars.len() {
            let bar = self.bars.get(index);
            self.ended = self.ended.plus(bar.individual_trade_count, bar.volume, bar.turnover);
            if bar.is_orphan == 0 {
                self.digest = digest::fold_bar(self.digest, &bar);
                completed += 1;
            } else {
                orphans += 1;
            }
        }
        self.counted = self.bars.len();
        let consumed = self.consumed();
        match self.parts.last_mut() {
            Some(part) => {
                part.bars += completed;
                part.orphans += orphans;
                part.bars_digest = self.digest;
                part.fills = (consumed.fills - self.part_start.fills) as u64;
                part.volume = consumed.volume - self.part_start.volume;
                part.turnover = consumed.turnover - self.part_start.turnover;
            }
            None => self.pending_orphans += orphans,
        }
    }
}

/// What a unit has consumed so far: the sums of all bars it ended and of the forming one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    fills: i64,
    volume: i128,
    turnover: i128,
}

impl Totals {
    fn plus(self, fills: i64, volume: i128, turnover: i128) -> Self {
        Self { fills: self.fills + fills, volume: self.volume + volume, turnover: self.turnover + turnover }
    }
}
