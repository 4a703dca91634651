//! FNV-1a (64 bit) over completed bars: per bar 21 integers, each as 16 little-endian bytes.

use crate::bar::Bar;

/// The digest of no bars.
pub const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;
const BYTES: usize = 16;

/// `PRIME` to the power of the index: what a run of that many zero bytes multiplies by.
const POWERS: [u64; BYTES + 1] = {
    let mut powers = [1_u64; BYTES + 1];
    let mut i = 1;
    while i <= BYTES {
        powers[i] = powers[i - 1].wrapping_mul(PRIME);
        i += 1;
    }
    powers
};

/// Folds one integer into a digest. The zero bytes above a small number are one multiplication.
pub fn fold(digest: u64, value: i128) -> u64 {
    let zeros = value.leading_zeros() as usize / 8;
    let bytes = value.to_le_bytes();
    let significant = &bytes[..BYTES - zeros];
    significant.iter().fold(digest, |d, &byte| (d ^ u64::from(byte)).wrapping_mul(PRIME)).wrapping_mul(POWERS[zeros])
}

/// Folds a bar's 21 integers, times to vwap in column order, into a digest.
pub fn fold_bar(digest: u64, bar: &Bar) -> u64 {
    [
        i128::from(bar.open_time),
        i128::from(bar.close_time),
        i128::from(bar.open),
        i128::from(bar.high),
        i128::from(bar.low),
        i128::from(bar.close),
        bar.volume,
        bar.turnover,
        bar.buy_volume,
        bar.sell_volume,
        bar.buy_turnover,
        bar.sell_turnover,
        i128::from(bar.first_trade_id),
        i128::from(bar.last_trade_id),
        i128::from(bar.first_agg_trade_id),
        i128::from(bar.last_agg_trade_id),
        i128::from(bar.individual_trade_count),
        i128::from(bar.agg_record_count),
        i128::from(bar.buy_trade_count),
        i128::from(bar.sell_trade_count),
        i128::from(bar.vwap),
    ]
    .into_iter()
    .fold(digest, fold)
}
