//! One threshold of a job: its engine, the bars and parts not yet taken, the digest so far.

use crate::bar::{Bar, BarColumns, OrphanReason};
use crate::calendar::Segmentation;
use crate::checkpoint;
use crate::digest;
use crate::engine::{BarEngine, BarObserver, EngineConfig};
use crate::error::{CoreError, Result};
use crate::job::Position;
pub use crate::part::Part;
use crate::part::Totals;
use crate::trade::TradeSlice;

#[derive(Debug, Clone)]
pub struct Unit {
    segmentation: Segmentation,
    bars: BarColumns,
    parts: Vec<Part>,
    state: State,
}

/// Everything but the gathered bars and parts.
#[derive(Debug, Clone)]
struct State {
    engine: BarEngine,
    /// Start of the day that is being read; 0 before the first.
    day_start_us: i64,
    /// The last of `parts` may still grow.
    part_open: bool,
    position: Option<Position>,
    digest: u64,
    /// Orphans that ended when the part of their last trade had been taken.
    pending_orphans: u64,
    /// Where the next part begins if quarantined ids lie directly before its first trade.
    lead_id: Option<i64>,
}

/// A state to return to.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    state: State,
    bars: usize,
    parts: usize,
    last_part: Option<Part>,
}

impl Unit {
    pub(crate) fn new(config: EngineConfig, segmentation: Segmentation) -> Result<Self> {
        let state = State {
            engine: BarEngine::new(config)?,
            day_start_us: 0,
            part_open: false,
            position: None,
            digest: digest::EMPTY,
            pending_orphans: 0,
            lead_id: None,
        };
        Ok(Self { segmentation, bars: BarColumns::default(), parts: Vec::new(), state })
    }

    pub(crate) fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let saved = checkpoint::decode(bytes)?;
        saved.check_matches(self.state.engine.config(), self.segmentation)?;
        self.state.engine.forming = saved.forming;
        self.state.position = saved.position;
        self.state.digest = saved.digest;
        Ok(())
    }

    pub(crate) fn checkpoint(&self) -> Vec<u8> {
        checkpoint::encode(&checkpoint::State {
            config: self.state.engine.config(),
            segmentation: self.segmentation,
            forming: self.state.engine.forming,
            position: self.state.position,
            digest: self.state.digest,
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
        self.state.digest
    }

    pub fn threshold_dbps(&self) -> u32 {
        self.state.engine.config().threshold_dbps
    }

    pub fn position(&self) -> Option<Position> {
        self.state.position
    }

    /// The forming bar with all its columns.
    pub fn peek(&self) -> Option<Bar> {
        self.state.engine.peek()
    }

    pub(crate) fn take(&mut self) -> (BarColumns, Vec<Part>) {
        self.state.part_open = false;
        (std::mem::take(&mut self.bars), std::mem::take(&mut self.parts))
    }

    /// Consumes what the unit does not have yet of a clean run.
    pub(crate) fn consume(&mut self, run: TradeSlice<'_>, observer: &mut impl BarObserver) -> Result<()> {
        let have = self.state.position.map_or(i64::MIN, |position| position.last_id);
        let skip = run.agg_id.partition_point(|&id| id <= have);
        if skip == run.len() {
            return Ok(());
        }
        let run = run.slice(skip..run.len());
        let last = run.len() - 1;
        if !self.state.part_open {
            self.open_part(run.agg_id[0], run.time_us[0]);
        }
        let before = Totals::of(self.state.engine.forming.as_ref());
        let ended_before = self.bars.len();
        self.state.engine.push_run(run, &mut self.bars, observer)?;
        self.state.position = Some(Position { last_id: run.agg_id[last], last_time_us: run.time_us[last] });
        let mut after = Some(Totals::of(self.state.engine.forming.as_ref()));
        for index in ended_before..self.bars.len() {
            let bar = self.bars.get(index);
            self.state.digest = digest::fold_bar(self.state.digest, &bar);
            let ended = Totals { fills: bar.individual_trade_count, volume: bar.volume, turnover: bar.turnover };
            after = after.and_then(|after| after.plus(ended));
        }
        let consumed = after.map(|after| after.minus(before));
        let Some(part) = self.parts.last_mut() else { return Ok(()) };
        let totals = consumed.and_then(|consumed| consumed.plus(part.totals()));
        let totals = totals.ok_or_else(|| CoreError::new("OVERFLOW", "a day's turnover is too large to hold"))?;
        if part.records == 0 {
            part.first_us = run.time_us[0];
        }
        part.through_id = run.agg_id[last];
        part.last_us = run.time_us[last];
        part.records += run.len() as u64;
        part.set_totals(totals);
        part.bars += (self.bars.len() - ended_before) as u64;
        part.bars_digest = self.state.digest;
        Ok(())
    }

    /// Quarantined ids that continue the stream belong to the interval; a unit that is ahead has them already.
    pub(crate) fn mark_seen(&mut self, first_id: i64, last_id: i64) {
        let Some(position) = &mut self.state.position else { return };
        let (have, time) = (position.last_id, position.last_time_us);
        if have >= last_id || have + 1 < first_id {
            return;
        }
        position.last_id = last_id;
        if !self.state.part_open {
            self.open_part(have + 1, time.max(self.state.day_start_us));
        }
        if let Some(part) = self.parts.last_mut() {
            part.through_id = last_id;
            part.quarantined += (last_id - have) as u64;
        }
    }

    /// The next trade is (`id`, `time_us`), which need not follow the one before: a boundary or a hole of ids ends the forming bar.
    /// `lead_id` is the first of the quarantined ids directly before it, if there are any.
    pub(crate) fn cut_before(&mut self, id: i64, time_us: i64, lead_id: Option<i64>, observer: &mut impl BarObserver) {
        if let Some(lead_id) = lead_id {
            // Nothing where the unit is not as far.
            self.mark_seen(lead_id, id - 1);
        }
        if let Some(position) = self.state.position {
            if position.last_id >= id {
                return;
            }
            if time_us >= self.segmentation.segment_end_us(position.last_time_us) {
                self.end_segment(observer);
                // Another segment, whose digest begins anew.
                self.state.digest = digest::EMPTY;
            } else if !position.is_followed_by(id) {
                self.close_orphan(OrphanReason::IdGap, id, observer);
            } else {
                return;
            }
        }
        self.state.part_open = false;
        self.state.lead_id =
            lead_id.filter(|_| self.state.position.is_none_or(|position| !position.is_followed_by(id)));
    }

    /// The forming bar ends at the segment's boundary.
    pub(crate) fn end_segment(&mut self, observer: &mut impl BarObserver) {
        let Some(position) = self.state.position else { return };
        if let Some(reason) = self.segmentation.orphan_reason() {
            self.close_orphan(reason, position.last_id, observer);
        }
    }

    pub(crate) fn begin_day(&mut self, day_start_us: i64) {
        self.end_part();
        self.state.day_start_us = day_start_us;
    }

    pub(crate) fn end_part(&mut self) {
        self.state.part_open = false;
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            state: self.state.clone(),
            bars: self.bars.len(),
            parts: self.parts.len(),
            last_part: self.parts.last().copied(),
        }
    }

    pub(crate) fn reset_to(&mut self, mark: Mark) {
        self.state = mark.state;
        self.bars.truncate(mark.bars);
        self.parts.truncate(mark.parts);
        if let (Some(last), Some(was)) = (self.parts.last_mut(), mark.last_part) {
            *last = was;
        }
    }

    /// The unit as it was at `mark`, with nothing gathered.
    pub(crate) fn emptied_at(&self, mark: &Mark) -> Self {
        let mut state = mark.state.clone();
        state.part_open = false;
        Self { segmentation: self.segmentation, bars: BarColumns::default(), parts: Vec::new(), state }
    }

    pub(crate) fn forget_gathered(&mut self) {
        self.bars.truncate(0);
        self.parts.drain(..self.parts.len().saturating_sub(1));
    }

    fn close_orphan(&mut self, reason: OrphanReason, ended_by_id: i64, observer: &mut impl BarObserver) {
        if !self.state.engine.close_orphan(reason, ended_by_id, &mut self.bars, observer) {
            return;
        }
        match self.parts.last_mut() {
            Some(part) => part.orphans += 1,
            None => self.state.pending_orphans += 1,
        }
    }

    fn open_part(&mut self, first_id: i64, time_us: i64) {
        let lead_id = self.state.lead_id.take().unwrap_or(first_id);
        self.state.part_open = true;
        self.parts.push(Part {
            from_id: lead_id,
            through_id: first_id,
            day_start_us: self.state.day_start_us,
            first_us: time_us,
            last_us: time_us,
            records: 0,
            fills: 0,
            volume: 0,
            turnover: 0,
            quarantined: (first_id - lead_id) as u64,
            bars: 0,
            orphans: std::mem::take(&mut self.state.pending_orphans),
            bars_digest: self.state.digest,
        });
    }
}
