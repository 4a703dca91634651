//! The range-bar state machine of one threshold.
//!
//! A bar opens with a trade, which fixes its limits. Every later trade is folded in; the first one at or beyond a limit closes
//! the bar, unless the gate holds it open: a trade in the gate unit of the opening trade's time never closes a bar. The
//! closing trade belongs to the bar it closes; the next one opens the next bar.

use crate::bar::{Bar, BarColumns, OrphanReason};
use crate::error::{CoreError, Result};
pub use crate::fold::Inside;
use crate::fold::{self, RunSums};
use crate::microstructure;
use crate::trade::TradeSlice;

/// Smallest and largest threshold in dbps (1 dbps = 1e-5).
pub const THRESHOLD_MIN_DBPS: u32 = 1;
pub const THRESHOLD_MAX_DBPS: u32 = 100_000;
const DBPS_SCALE: i128 = 100_000;

/// What decides an engine's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineConfig {
    pub threshold_dbps: u32,
    /// Resolution of the gate in µs; 0 switches it off.
    pub gate_unit_us: i64,
}

/// The bar that is forming, as sums; everything else is derived from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forming {
    pub(crate) open_time: i64,
    pub(crate) close_time: i64,
    pub(crate) open: i64,
    pub(crate) close: i64,
    pub(crate) first_trade_id: i64,
    pub(crate) last_trade_id: i64,
    pub(crate) first_agg_trade_id: i64,
    pub(crate) last_agg_trade_id: i64,
    pub(crate) records: i64,
    pub(crate) sums: RunSums,
}

/// Where features hook in that need more than a bar's sums. Neither call is inside the loop over trades.
pub trait BarObserver {
    /// The forming bar has taken these trades (its opening trade is a run of its own).
    fn trades_folded(&mut self, run: TradeSlice<'_>);
    /// A bar has ended.
    fn bar_ended(&mut self, bar: &Bar);
}

/// Base bars need nothing beyond their sums.
#[derive(Debug, Clone, Copy)]
pub struct NoFeatures;

impl BarObserver for NoFeatures {
    fn trades_folded(&mut self, _run: TradeSlice<'_>) {}
    fn bar_ended(&mut self, _bar: &Bar) {}
}

/// One threshold's state. Feed it runs that [`crate::check`] passed: sound trades in order, without a hole between them.
#[derive(Debug, Clone)]
pub struct BarEngine {
    config: EngineConfig,
    pub(crate) forming: Option<Forming>,
}

impl BarEngine {
    /// # Errors
    /// `BAD_THRESHOLD`, `BAD_GATE_UNIT`.
    pub fn new(config: EngineConfig) -> Result<Self> {
        if !(THRESHOLD_MIN_DBPS..=THRESHOLD_MAX_DBPS).contains(&config.threshold_dbps) {
            return Err(CoreError::new(
                "BAD_THRESHOLD",
                format!(
                    "threshold {} is outside {THRESHOLD_MIN_DBPS} … {THRESHOLD_MAX_DBPS} dbps",
                    config.threshold_dbps
                ),
            ));
        }
        if ![0, 1, 1_000].contains(&config.gate_unit_us) {
            return Err(CoreError::new(
                "BAD_GATE_UNIT",
                format!("gate unit {} µs is not 0, 1 or 1000", config.gate_unit_us),
            ));
        }
        Ok(Self { config, forming: None })
    }

    pub fn config(&self) -> EngineConfig {
        self.config
    }

    /// Consumes a run; completed bars go to `out`.
    ///
    /// # Errors
    /// `OVERFLOW` where a bar's turnover leaves 128 bits; go back to a copy of the engine then.
    pub fn push_run(
        &mut self,
        trades: TradeSlice<'_>,
        out: &mut BarColumns,
        observer: &mut impl BarObserver,
    ) -> Result<()> {
        let mut next = 0;
        while next < trades.len() {
            let Some(mut forming) = self.forming.take() else {
                self.forming = Some(Forming::open(trades, next));
                observer.trades_folded(trades.slice(next..next + 1));
                next += 1;
                continue;
            };
            let rest = trades.slice(next..trades.len());
            let gated = self.gated_prefix(&forming, rest.time_us);
            let overflow = |_| CoreError::new("OVERFLOW", "a bar's turnover or count of fills is too large to hold");
            if gated > 0 {
                fold::whole(rest.slice(0..gated), forming.open, &mut forming.sums).map_err(overflow)?;
            }
            let inside = self.inside(forming.open);
            let breach =
                fold::until_breach(rest.slice(gated..rest.len()), inside, &mut forming.sums).map_err(overflow)?;
            let consumed = breach.map_or(rest.len(), |at| gated + at + 1);
            forming.advance(rest, consumed);
            observer.trades_folded(rest.slice(0..consumed));
            next += consumed;
            if breach.is_some() {
                let bar = forming.bar(None);
                out.push(&bar);
                observer.bar_ended(&bar);
            } else {
                self.forming = Some(forming);
            }
        }
        Ok(())
    }

    /// The forming bar with all its columns; changes nothing.
    pub fn peek(&self) -> Option<Bar> {
        self.forming.map(|forming| forming.bar(None))
    }

    /// Ends the forming bar as an orphan; whether there was one. `ended_by_id` as in [`BarColumns::push_orphan`].
    pub fn close_orphan(
        &mut self,
        reason: OrphanReason,
        ended_by_id: i64,
        out: &mut BarColumns,
        observer: &mut impl BarObserver,
    ) -> bool {
        let Some(forming) = self.forming.take() else { return false };
        let bar = forming.bar(Some(reason));
        out.push_orphan(&bar, ended_by_id);
        observer.bar_ended(&bar);
        true
    }

    /// The prices between a bar's limits, open ± trunc(open · threshold / 100 000), in 128 bits.
    pub fn inside(&self, open: i64) -> Inside {
        let delta = i128::from(open) * i128::from(self.config.threshold_dbps) / DBPS_SCALE;
        // Where a limit is beyond i64, no price reaches it.
        let clamp = |value: i128| i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
        Inside { open, lowest: clamp(i128::from(open) - delta + 1), highest: clamp(i128::from(open) + delta - 1) }
    }

    /// How many of the next trades are in the gate unit of the opening trade's time. Times do not decrease, so they come first.
    fn gated_prefix(&self, forming: &Forming, times: &[i64]) -> usize {
        let unit = self.config.gate_unit_us;
        if unit == 0 {
            return 0;
        }
        let end = (forming.open_time.div_euclid(unit) + 1) * unit;
        times.iter().take_while(|&&time| time < end).count()
    }
}

impl Forming {
    fn open(trades: TradeSlice<'_>, at: usize) -> Self {
        let price = trades.price[at];
        let volume = i128::from(trades.volume[at]);
        let turnover = i128::from(price) * volume;
        let fills = trades.last_id[at] - trades.first_id[at] + 1;
        let bought = trades.buyer_maker[at] == 0;
        Self {
            open_time: trades.time_us[at],
            close_time: trades.time_us[at],
            open: price,
            close: price,
            first_trade_id: trades.first_id[at],
            last_trade_id: trades.last_id[at],
            first_agg_trade_id: trades.agg_id[at],
            last_agg_trade_id: trades.agg_id[at],
            records: 1,
            sums: RunSums {
                high: price,
                low: price,
                volume,
                buy_volume: if bought { volume } else { 0 },
                turnover,
                buy_turnover: if bought { turnover } else { 0 },
                fills,
                buy_fills: if bought { fills } else { 0 },
            },
        }
    }

    /// Takes over what the last of the `count` folded trades decides.
    fn advance(&mut self, trades: TradeSlice<'_>, count: usize) {
        let last = count - 1;
        self.close_time = trades.time_us[last];
        self.close = trades.price[last];
        self.last_trade_id = trades.last_id[last];
        self.last_agg_trade_id = trades.agg_id[last];
        self.records += count as i64;
    }

    pub(crate) fn bar(&self, orphan: Option<OrphanReason>) -> Bar {
        let sums = &self.sums;
        // One trade: its price exactly. No volume (quotes): the opening price. A mean of prices fits where they fit.
        let vwap = if self.records > 1 && sums.volume > 0 { (sums.turnover / sums.volume) as i64 } else { self.open };
        let mut bar = Bar {
            open_time: self.open_time,
            close_time: self.close_time,
            open: self.open,
            high: sums.high,
            low: sums.low,
            close: self.close,
            volume: sums.volume,
            turnover: sums.turnover,
            buy_volume: sums.buy_volume,
            sell_volume: sums.volume - sums.buy_volume,
            buy_turnover: sums.buy_turnover,
            sell_turnover: sums.turnover - sums.buy_turnover,
            first_trade_id: self.first_trade_id,
            last_trade_id: self.last_trade_id,
            first_agg_trade_id: self.first_agg_trade_id,
            last_agg_trade_id: self.last_agg_trade_id,
            individual_trade_count: sums.fills,
            agg_record_count: self.records,
            buy_trade_count: sums.buy_fills,
            sell_trade_count: sums.fills - sums.buy_fills,
            vwap,
            duration_us: 0,
            ofi: 0.0,
            vwap_close_deviation: 0.0,
            price_impact: 0.0,
            kyle_lambda_proxy: 0.0,
            trade_intensity: 0.0,
            volume_per_trade: 0.0,
            aggression_ratio: 0.0,
            aggregation_density: 0.0,
            turnover_imbalance: 0.0,
            is_orphan: u8::from(orphan.is_some()),
            orphan_reason: orphan.map_or(0, |reason| reason as u8),
        };
        microstructure::fill(&mut bar);
        bar
    }
}
