//! What a stream of trades must be: ids that grow, times that do not go back, prices above zero, volumes not below. Checked once
//! for all thresholds, by vectors; the slow look at each trade happens only where something is not as usual.

use crate::dispatch::vectorised;
use crate::error::{CoreError, Result};
use crate::fold::FILLS_END;
use crate::job::Position;
use crate::trade::TradeSlice;

/// 2000-01-01 and 2035-01-01, the times that can be trades.
const TIME_MIN_US: i64 = 946_684_800_000_000;
const TIME_MAX_US: i64 = 2_051_222_400_000_000;

vectorised! {
    /// Whether every trade is sound, ids are consecutive and times in order and in range: what nearly every chunk is.
    pub fn is_clean(chunk: TradeSlice<'_>) -> bool = is_clean_body;
}

#[inline(always)]
fn is_clean_body(chunk: TradeSlice<'_>) -> bool {
    let n = chunk.agg_id.len();
    let Some(last) = n.checked_sub(1) else { return true };
    let (id, time) = (&chunk.agg_id[..n], &chunk.time_us[..n]);
    let mut jumps = 0;
    let mut backwards = false;
    for i in 0..last {
        jumps |= id[i + 1].wrapping_sub(id[i]) ^ 1;
        backwards |= time[i + 1] < time[i];
    }
    // The last test: consecutive ids may not wrap around.
    jumps == 0
        && !backwards
        && id[last] >= id[0]
        && time[0] >= TIME_MIN_US
        && time[last] <= TIME_MAX_US
        && are_sound(chunk)
}

/// Price above 0, volume not below, at least one fill and not absurdly many, a flag of 0 or 1.
#[inline(always)]
fn are_sound(chunk: TradeSlice<'_>) -> bool {
    let n = chunk.agg_id.len();
    let (price, volume) = (&chunk.price[..n], &chunk.volume[..n]);
    let (first, last) = (&chunk.first_id[..n], &chunk.last_id[..n]);
    let mut signs = 0;
    let mut fills = 0;
    for i in 0..n {
        // A price of 0 or below turns negative; so does i64::MIN, which is seen by itself.
        signs |= price[i].wrapping_sub(1) | price[i] | volume[i] | first[i] | last[i];
        fills |= last[i].wrapping_sub(first[i]);
    }
    let flags = chunk.buyer_maker[..n].iter().fold(0, |bits, &flag| bits | flag);
    signs >= 0 && (0..FILLS_END).contains(&fills) && flags <= 1
}

/// The same of one trade, with the reason; `index` is its place in what was pushed.
pub fn check_trade(trades: TradeSlice<'_>, at: usize, index: usize, previous: Option<Position>) -> Result<()> {
    look_at(trades, at, index, previous).map_err(|error| error.at_index(index))
}

fn look_at(trades: TradeSlice<'_>, at: usize, index: usize, previous: Option<Position>) -> Result<()> {
    let (id, time) = (trades.agg_id[at], trades.time_us[at]);
    if let Some(previous) = previous
        && (id <= previous.last_id || time < previous.last_time_us)
    {
        return Err(unsorted(index, previous, id, time));
    }
    if !(TIME_MIN_US..=TIME_MAX_US).contains(&time) {
        return Err(CoreError::new(
            "TIME_OUT_OF_RANGE",
            format!("trade {index} (time {time} µs, id {id}) is outside the years 2000 … 2035"),
        ));
    }
    if are_sound(trades.slice(at..at + 1)) {
        return Ok(());
    }
    Err(CoreError::new(
        "BAD_TRADE",
        format!(
            "trade {index} (time {time} µs, id {id}) has price {}, volume {}, fills {} … {}, flag {}: a price is above 0, a volume \
             not below, fill ids begin at 0 or above and do not go back, the flag is 0 or 1",
            trades.price[at], trades.volume[at], trades.first_id[at], trades.last_id[at], trades.buyer_maker[at]
        ),
    ))
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
}
