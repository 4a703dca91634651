//! What a unit has consumed, as gapless intervals of ids.

use crate::engine::Forming;

/// A gapless interval of ids that the unit consumed, cut at holes, resets, day ends and takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub from_id: i64,
    pub through_id: i64,
    /// Start of the day the interval was read for, whatever its trades' times.
    pub day_start_us: i64,
    /// Times of the first and the last trade; without any, the day's start, or the last trade before it if that is later.
    pub first_us: i64,
    pub last_us: i64,
    /// Aggregate trades; ids that were quarantined are in the interval but not among these.
    pub records: u64,
    pub fills: i64,
    pub volume: i128,
    pub turnover: i128,
    pub quarantined: u64,
    /// Completed bars whose last trade is in the interval.
    pub bars: u64,
    /// Bars ended without a breach: counted in the interval of their last trade, or in the next one if that has been taken.
    pub orphans: u64,
    /// Digest over the segment's completed bars up to the part's end.
    pub bars_digest: u64,
}

impl Part {
    pub(crate) fn totals(&self) -> Totals {
        Totals { fills: self.fills, volume: self.volume, turnover: self.turnover }
    }

    pub(crate) fn set_totals(&mut self, totals: Totals) {
        self.fills = totals.fills;
        self.volume = totals.volume;
        self.turnover = totals.turnover;
    }
}

/// Fills, volume and turnover of some trades.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) fills: i64,
    pub(crate) volume: i128,
    pub(crate) turnover: i128,
}

impl Totals {
    pub(crate) fn of(forming: Option<&Forming>) -> Self {
        forming.map_or(Self::default(), |forming| Self {
            fills: forming.sums.fills,
            volume: forming.sums.volume,
            turnover: forming.sums.turnover,
        })
    }

    /// None where a sum does not fit.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            fills: self.fills.checked_add(other.fills)?,
            volume: self.volume.checked_add(other.volume)?,
            turnover: self.turnover.checked_add(other.turnover)?,
        })
    }

    /// Totals are never negative, so a difference always fits.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            fills: self.fills - other.fills,
            volume: self.volume - other.volume,
            turnover: self.turnover - other.turnover,
        }
    }
}
