//! Bars as a block of ClickHouse's Native format, and the digest over a block that was read back.
//!
//! A block is: varuint columns, varuint rows, then per column its name, its type, its values. Strings carry a varuint length.

use crate::bar::BarColumns;
use crate::digest;
use crate::error::{CoreError, Result};

/// The columns that are the same in every row.
#[derive(Debug, Clone)]
pub struct Constants {
    pub series: String,
    pub segment: String,
    pub build: u32,
    pub attempt: u64,
}

/// Columns in front of the bar's own: the constants and the id that ended it.
const PLACE_COLUMNS: usize = 5;

/// Encodes bars as one block. The store casts String to LowCardinality and Int8 to Enum8.
pub fn encode(bars: &BarColumns, constants: &Constants) -> Vec<u8> {
    let rows = bars.len();
    let mut block = Block { out: Vec::with_capacity(rows * 360 + 1_024), rows };
    varuint(&mut block.out, (PLACE_COLUMNS + BarColumns::NAMES.len()) as u64);
    varuint(&mut block.out, rows as u64);
    block.repeat_string("series", &constants.series);
    block.repeat_string("segment", &constants.segment);
    block.column("build", "UInt32", std::iter::repeat_n(constants.build.to_le_bytes(), rows));
    block.column("attempt", "UInt64", std::iter::repeat_n(constants.attempt.to_le_bytes(), rows));
    block.i64("ended_by_id", &bars.ended_by_id);
    block.i64("open_time", &bars.open_time);
    block.i64("close_time", &bars.close_time);
    block.i64("open", &bars.open);
    block.i64("high", &bars.high);
    block.i64("low", &bars.low);
    block.i64("close", &bars.close);
    block.i128("volume", &bars.volume);
    block.i128("turnover", &bars.turnover);
    block.i128("buy_volume", &bars.buy_volume);
    block.i128("sell_volume", &bars.sell_volume);
    block.i128("buy_turnover", &bars.buy_turnover);
    block.i128("sell_turnover", &bars.sell_turnover);
    block.i64("first_trade_id", &bars.first_trade_id);
    block.i64("last_trade_id", &bars.last_trade_id);
    block.i64("first_agg_trade_id", &bars.first_agg_trade_id);
    block.i64("last_agg_trade_id", &bars.last_agg_trade_id);
    block.i64("individual_trade_count", &bars.individual_trade_count);
    block.i64("agg_record_count", &bars.agg_record_count);
    block.i64("buy_trade_count", &bars.buy_trade_count);
    block.i64("sell_trade_count", &bars.sell_trade_count);
    block.i64("vwap", &bars.vwap);
    block.i64("duration_us", &bars.duration_us);
    block.f64("ofi", &bars.ofi);
    block.f64("vwap_close_deviation", &bars.vwap_close_deviation);
    block.f64("price_impact", &bars.price_impact);
    block.f64("kyle_lambda_proxy", &bars.kyle_lambda_proxy);
    block.f64("trade_intensity", &bars.trade_intensity);
    block.f64("volume_per_trade", &bars.volume_per_trade);
    block.f64("aggression_ratio", &bars.aggression_ratio);
    block.f64("aggregation_density", &bars.aggregation_density);
    block.f64("turnover_imbalance", &bars.turnover_imbalance);
    block.column("is_orphan", "UInt8", bars.is_orphan.iter().map(|value| [*value]));
    block.column("orphan_reason", "Int8", bars.orphan_reason.iter().map(|value| [*value]));
    block.out
}

struct Block {
    out: Vec<u8>,
    rows: usize,
}

impl Block {
    fn header(&mut self, name: &str, kind: &str) {
        string(&mut self.out, name);
        string(&mut self.out, kind);
    }

    fn column<const N: usize>(&mut self, name: &str, kind: &str, values: impl Iterator<Item = [u8; N]>) {
        self.header(name, kind);
        values.for_each(|value| self.out.extend_from_slice(&value));
    }

    fn repeat_string(&mut self, name: &str, value: &str) {
        self.header(name, "String");
        for _ in 0..self.rows {
            string(&mut self.out, value);
        }
    }

    fn i64(&mut self, name: &str, values: &[i64]) {
        self.column(name, "Int64", values.iter().map(|value| value.to_le_bytes()));
    }

    fn i128(&mut self, name: &str, values: &[i128]) {
        self.column(name, "Int128", values.iter().map(|value| value.to_le_bytes()));
    }

    fn f64(&mut self, name: &str, values: &[f64]) {
        self.column(name, "Float64", values.iter().map(|value| value.to_le_bytes()));
    }
}

fn varuint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn string(out: &mut Vec<u8>, value: &str) {
    varuint(out, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

/// The 21 columns of the digest, in its order.
pub const DIGEST_COLUMNS: usize = 21;

/// Folds the rows of a Native body (any number of blocks, the 21 digest columns in order, Int64 or Int128) into a digest.
/// Returns the digest and how many rows were folded.
///
/// # Errors
/// `NATIVE_BLOCK` where the body is anything else.
pub fn fold_digest(mut digest: u64, body: &[u8]) -> Result<(u64, u64)> {
    let mut cursor = Cursor { rest: body };
    let mut rows_total = 0;
    while !cursor.rest.is_empty() {
        let columns = cursor.varuint()?;
        let rows = usize::try_from(cursor.varuint()?).map_err(|_| bad_block("too many rows"))?;
        if columns as usize != DIGEST_COLUMNS {
            return Err(bad_block(&format!("{columns} columns, {DIGEST_COLUMNS} were expected")));
        }
        let mut values: Vec<(&[u8], usize)> = Vec::with_capacity(DIGEST_COLUMNS);
        for _ in 0..columns {
            cursor.string()?;
            let width = match cursor.string()? {
                b"Int64" => 8,
                b"Int128" => 16,
                _ => return Err(bad_block("a column is neither Int64 nor Int128")),
            };
            let bytes = rows.checked_mul(width).ok_or_else(|| bad_block("too many rows"))?;
            values.push((cursor.take(bytes)?, width));
        }
        for row in 0..rows {
            for (column, width) in &values {
                digest = digest::fold(digest, integer(&column[row * width..(row + 1) * width]));
            }
        }
        rows_total += rows as u64;
    }
    Ok((digest, rows_total))
}

/// A little-endian two's complement integer of 8 or 16 bytes.
fn integer(bytes: &[u8]) -> i128 {
    let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xFF } else { 0 };
    let mut wide = [sign; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(wide)
}

fn bad_block(what: &str) -> CoreError {
    CoreError::new("NATIVE_BLOCK", format!("a block read from the store is not what was asked for: {what}"))
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| bad_block("it ends in the middle"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn varuint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(bad_block("a number is too long"))
    }

    fn string(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.varuint()?).map_err(|_| bad_block("a string is too long"))?;
        self.take(length)
    }
}
