//! Sums over a run of trades of one bar, by blocks small enough to stay in the first cache. Everything is an integer.
//!
//! Inside a block Σ (price − open) · volume is kept in 64 bits and open · Σ volume is added once, in 128 bits; a block in which
//! that could overflow is summed again in 128 bits.

use crate::trade::TradeSlice;

/// Trades per block: small enough for the first cache, large enough that the 128-bit work per block does not count.
pub const BLOCK: usize = 256;

/// What a run of trades adds to a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSums {
    pub high: i64,
    pub low: i64,
    pub volume: i128,
    pub buy_volume: i128,
    pub turnover: i128,
    pub buy_turnover: i128,
    pub fills: i64,
    pub buy_fills: i64,
}

struct BlockSums {
    volume: i64,
    buy_volume: i64,
    excess: i64,
    buy_excess: i64,
    fills: i64,
    buy_fills: i64,
    volume_bits: i64,
}

/// Highest and lowest price of a block.
#[inline(always)]
fn extremes(price: &[i64]) -> (i64, i64) {
    price.iter().fold((i64::MIN, i64::MAX), |(high, low), &p| (high.max(p), low.min(p)))
}

#[inline(always)]
fn block_sums(trades: &TradeSlice<'_>, open: i64) -> BlockSums {
    let n = trades.price.len();
    let (price, volume) = (&trades.price[..n], &trades.volume[..n]);
    let (first, last, maker) = (&trades.first_id[..n], &trades.last_id[..n], &trades.buyer_maker[..n]);
    let mut sums =
        BlockSums { volume: 0, buy_volume: 0, excess: 0, buy_excess: 0, fills: 0, buy_fills: 0, volume_bits: 0 };
    for i in 0..n {
        let bought = i64::from(maker[i]).wrapping_sub(1);
        let v = volume[i];
        let excess = price[i].wrapping_sub(open).wrapping_mul(v);
        let fills = last[i].wrapping_sub(first[i]).wrapping_add(1);
        sums.volume = sums.volume.wrapping_add(v);
        sums.buy_volume = sums.buy_volume.wrapping_add(v & bought);
        sums.excess = sums.excess.wrapping_add(excess);
        sums.buy_excess = sums.buy_excess.wrapping_add(excess & bought);
        sums.fills = sums.fills.wrapping_add(fills);
        sums.buy_fills = sums.buy_fills.wrapping_add(fills & bought);
        sums.volume_bits |= v;
    }
    sums
}

/// The same sums where 64 bits may not hold them.
#[cold]
fn add_block_wide(trades: &TradeSlice<'_>, out: &mut RunSums) {
    for i in 0..trades.price.len() {
        let volume = i128::from(trades.volume[i]);
        let turnover = i128::from(trades.price[i]) * volume;
        out.volume += volume;
        out.turnover += turnover;
        if trades.buyer_maker[i] == 0 {
            out.buy_volume += volume;
            out.buy_turnover += turnover;
        }
    }
}

/// Folds the trades before the first price at or beyond a threshold, and that trade, into `out`.
/// Returns the index of the breaching trade, or none when all were folded without a breach.
#[inline(always)]
fn fold_until_breach(trades: TradeSlice<'_>, open: i64, lower: i64, upper: i64, out: &mut RunSums) -> Option<usize> {
    let mut start = 0;
    while start < trades.len() {
        let mut end = (start + BLOCK).min(trades.len());
        let (mut high, mut low) = extremes(&trades.price[start..end]);
        let mut breach = None;
        if high >= upper || low <= lower {
            let prices = &trades.price[start..end];
            let at = prices.iter().position(|&p| p >= upper || p <= lower).map_or(end, |i| start + i);
            breach = Some(at);
            end = at + 1;
            (high, low) = extremes(&trades.price[start..end]);
        }
        add_block(&trades.slice(start..end), open, high, low, out);
        if breach.is_some() {
            return breach;
        }
        start = end;
    }
    None
}

#[inline(always)]
fn add_block(block: &TradeSlice<'_>, open: i64, high: i64, low: i64, out: &mut RunSums) {
    out.high = out.high.max(high);
    out.low = out.low.min(low);
    let sums = block_sums(block, open);
    out.fills += sums.fills;
    out.buy_fills += sums.buy_fills;
    // Each volume below 2^53 keeps the block's Σ volume inside i64; the product bound keeps Σ (price − open) · volume there.
    let reach = i128::from(high).abs_diff(i128::from(open)).max(i128::from(low).abs_diff(i128::from(open)));
    let fits = sums.volume_bits >> 53 == 0 && reach.saturating_mul(sums.volume.unsigned_abs().into()) < 1 << 62;
    if fits {
        out.volume += i128::from(sums.volume);
        out.buy_volume += i128::from(sums.buy_volume);
        out.turnover += i128::from(open) * i128::from(sums.volume) + i128::from(sums.excess);
        out.buy_turnover += i128::from(open) * i128::from(sums.buy_volume) + i128::from(sums.buy_excess);
    } else {
        add_block_wide(block, out);
    }
}

/// Folds a run of which no trade may close the bar.
#[inline(always)]
fn fold_whole(trades: TradeSlice<'_>, open: i64, out: &mut RunSums) {
    let mut start = 0;
    while start < trades.len() {
        let end = (start + BLOCK).min(trades.len());
        let block = trades.slice(start..end);
        let (high, low) = extremes(block.price);
        add_block(&block, open, high, low, out);
        start = end;
    }
}

/// Limits beyond which a price closes the bar, both inclusive.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub open: i64,
    pub lower: i64,
    pub upper: i64,
}

type FoldUntilBreach = unsafe fn(TradeSlice<'_>, Limits, &mut RunSums) -> Option<usize>;

/// The folding routines for this processor, chosen once.
#[derive(Debug, Clone, Copy)]
pub struct Folder {
    until_breach: FoldUntilBreach,
}

unsafe fn until_breach_portable(trades: TradeSlice<'_>, limits: Limits, out: &mut RunSums) -> Option<usize> {
    fold_until_breach(trades, limits.open, limits.lower, limits.upper, out)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2")]
unsafe fn until_breach_avx2(trades: TradeSlice<'_>, limits: Limits, out: &mut RunSums) -> Option<usize> {
    fold_until_breach(trades, limits.open, limits.lower, limits.upper, out)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,bmi1,bmi2")]
unsafe fn until_breach_avx512(trades: TradeSlice<'_>, limits: Limits, out: &mut RunSums) -> Option<usize> {
    fold_until_breach(trades, limits.open, limits.lower, limits.upper, out)
}

impl Folder {
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
            {
                return Self { until_breach: until_breach_avx512 };
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2") {
                return Self { until_breach: until_breach_avx2 };
            }
        }
        Self { until_breach: until_breach_portable }
    }

    /// Folds trades up to and including the first at or beyond a limit; its index, or none.
    pub fn until_breach(&self, trades: TradeSlice<'_>, limits: Limits, out: &mut RunSums) -> Option<usize> {
        // SAFETY: `detect` chose a routine whose processor features are present.
        unsafe { (self.until_breach)(trades, limits, out) }
    }

    /// Folds trades whatever their price (the gate holds the bar open).
    pub fn whole(&self, trades: TradeSlice<'_>, open: i64, out: &mut RunSums) {
        fold_whole(trades, open, out);
    }
}
