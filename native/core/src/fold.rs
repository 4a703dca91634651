//! Sums over a run of trades of one bar, by blocks small enough to stay in the first cache. Everything is an integer.
//!
//! Inside a block Σ (price − open) · volume is kept in 64 bits and open · Σ volume is added once, in 128 bits; a block in which
//! that could overflow is summed again in 128 bits.

use crate::dispatch::vectorised;
use crate::trade::TradeSlice;

/// Trades per block: the first is small, as a short bar ends in it, and each next one twice as large.
const FIRST_BLOCK: usize = 64;
const BLOCK: usize = 512;

/// Volumes below 2^53 leave Σ volume of a block inside i64.
const VOLUME_BITS: u32 = 53;

/// Fewer fills than this per trade leave their sum over a block inside i64; [`crate::check`] lets no more pass.
pub const FILLS_END: i64 = 1 << 53;

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

/// The prices that do not close a bar: from `lowest` to `highest`, both included. (The limits themselves, one unit further out,
/// close it; they may lie outside i64.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    pub open: i64,
    pub lowest: i64,
    pub highest: i64,
}

/// A bar's sum left 128 bits (or a count of fills 64).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

vectorised! {
    /// Folds trades up to and including the first at or beyond a limit; its index, or none.
    pub fn until_breach(trades: TradeSlice<'_>, inside: Inside, out: &mut RunSums) -> Result<Option<usize>, Overflow>
        = until_breach_body;
}

vectorised! {
    /// Folds trades whatever their price.
    pub fn whole(trades: TradeSlice<'_>, open: i64, out: &mut RunSums) -> Result<(), Overflow> = whole_body;
}

#[inline(always)]
fn until_breach_body(trades: TradeSlice<'_>, inside: Inside, out: &mut RunSums) -> Result<Option<usize>, Overflow> {
    let mut start = 0;
    let mut size = FIRST_BLOCK;
    while start < trades.len() {
        let end = (start + size).min(trades.len());
        let prices = &trades.price[start..end];
        let (high, low) = extremes(prices);
        if high > inside.highest || low < inside.lowest {
            let at = first_breach(prices, inside);
            let (high, low) = extremes(&prices[..=at]);
            add_block(trades.slice(start..start + at + 1), inside.open, high, low, out)?;
            return Ok(Some(start + at));
        }
        add_block(trades.slice(start..end), inside.open, high, low, out)?;
        start = end;
        size = (2 * size).min(BLOCK);
    }
    Ok(None)
}

#[inline(always)]
fn whole_body(trades: TradeSlice<'_>, open: i64, out: &mut RunSums) -> Result<(), Overflow> {
    let mut start = 0;
    while start < trades.len() {
        let end = (start + BLOCK).min(trades.len());
        let block = trades.slice(start..end);
        let (high, low) = extremes(block.price);
        add_block(block, open, high, low, out)?;
        start = end;
    }
    Ok(())
}

/// Highest and lowest price of a block.
#[inline(always)]
fn extremes(price: &[i64]) -> (i64, i64) {
    price.iter().fold((i64::MIN, i64::MAX), |(high, low), &p| (high.max(p), low.min(p)))
}

/// Where the first price at or beyond a limit is, in a block that has one: by vectors, then one by one.
#[inline(always)]
fn first_breach(prices: &[i64], inside: Inside) -> usize {
    const STEP: usize = 16;
    let beyond = |p: i64| p > inside.highest || p < inside.lowest;
    let mut start = 0;
    for step in prices.chunks_exact(STEP) {
        if step.iter().fold(false, |any, &p| any | (p > inside.highest) | (p < inside.lowest)) {
            break;
        }
        start += STEP;
    }
    start + prices[start..].iter().take_while(|&&p| !beyond(p)).count()
}

#[inline(always)]
fn add_block(block: TradeSlice<'_>, open: i64, high: i64, low: i64, out: &mut RunSums) -> Result<(), Overflow> {
    out.high = out.high.max(high);
    out.low = out.low.min(low);
    let sums = block_sums(block, open);
    out.fills = out.fills.checked_add(sums.fills).ok_or(Overflow)?;
    out.buy_fills += sums.buy_fills;
    let reach = i128::from(high).abs_diff(i128::from(open)).max(i128::from(low).abs_diff(i128::from(open)));
    let narrow =
        sums.volume_bits >> VOLUME_BITS == 0 && reach.saturating_mul(sums.volume.unsigned_abs().into()) < 1 << 62;
    if !narrow {
        return add_block_wide(block, out);
    }
    let open = i128::from(open);
    let turnover = open * i128::from(sums.volume) + i128::from(sums.excess);
    out.turnover = out.turnover.checked_add(turnover).ok_or(Overflow)?;
    out.buy_turnover += open * i128::from(sums.buy_volume) + i128::from(sums.buy_excess);
    out.volume += i128::from(sums.volume);
    out.buy_volume += i128::from(sums.buy_volume);
    Ok(())
}

/// Sums of one block in 64 bits, modulo 2^64 until the block is known to fit.
struct BlockSums {
    volume: i64,
    buy_volume: i64,
    /// Σ (price − open) · volume
    excess: i64,
    buy_excess: i64,
    fills: i64,
    buy_fills: i64,
    /// All volumes' bits together.
    volume_bits: i64,
}

#[inline(always)]
fn block_sums(trades: TradeSlice<'_>, open: i64) -> BlockSums {
    let n = trades.price.len();
    let (price, volume) = (&trades.price[..n], &trades.volume[..n]);
    let (first, last, maker) = (&trades.first_id[..n], &trades.last_id[..n], &trades.buyer_maker[..n]);
    let mut sums =
        BlockSums { volume: 0, buy_volume: 0, excess: 0, buy_excess: 0, fills: 0, buy_fills: 0, volume_bits: 0 };
    for i in 0..n {
        // All bits set where the aggressor bought.
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
fn add_block_wide(block: TradeSlice<'_>, out: &mut RunSums) -> Result<(), Overflow> {
    for i in 0..block.len() {
        let volume = i128::from(block.volume[i]);
        let turnover = i128::from(block.price[i]) * volume;
        out.turnover = out.turnover.checked_add(turnover).ok_or(Overflow)?;
        // A volume is at most its turnover, as no price is below 1.
        out.volume += volume;
        if block.buyer_maker[i] == 0 {
            out.buy_volume += volume;
            out.buy_turnover += turnover;
        }
    }
    Ok(())
}
