//! One line of an archive → one trade. `parse_fast` reads what nearly every line is; anything else goes to `parse_careful`, which
//! reads by the rules and says what is wrong.

use crate::error::{CoreError, Result};
use crate::fp8;

/// A line's fields. Time as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    pub agg_id: i64,
    pub price: i64,
    pub volume: i64,
    pub first_id: i64,
    pub last_id: i64,
    pub time: i64,
    pub buyer_maker: u8,
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

#[inline(always)]
fn load(text: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&text[at..at + 8]);
    u64::from_le_bytes(word)
}

/// How many of eight bytes are digits, from the first.
#[inline(always)]
fn digit_count(word: u64) -> u32 {
    let x = word ^ ZEROS;
    // A byte above 9 carries into its high nibble.
    let bad = (x | x.wrapping_add(0x0606_0606_0606_0606)) & 0xF0F0_F0F0_F0F0_F0F0;
    bad.trailing_zeros() / 8
}

/// The value of eight ASCII digits.
#[inline(always)]
fn eight_digits(word: u64) -> u64 {
    let x = word ^ ZEROS;
    let x = x.wrapping_mul(10).wrapping_add(x >> 8) & 0x00FF_00FF_00FF_00FF;
    let x = x.wrapping_mul(100).wrapping_add(x >> 16) & 0x0000_FFFF_0000_FFFF;
    x.wrapping_mul(10_000).wrapping_add(x >> 32) & 0xFFFF_FFFF
}

const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Up to eight digits at `at`: how many, and their value.
#[inline(always)]
fn digits8(text: &[u8], at: usize) -> (u32, u64) {
    let word = load(text, at);
    let count = digit_count(word);
    if count == 8 {
        return (8, eight_digits(word));
    }
    if count == 0 {
        return (0, 0);
    }
    // Digits move to the end, zeros come in front.
    let padded = (word << (64 - 8 * count)) | (ZEROS >> (8 * count));
    (count, eight_digits(padded))
}

/// A whole number of 1 to 18 digits that ends at `,`; value and the index behind the comma.
#[inline(always)]
fn whole(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let (first, mut value) = digits8(text, at);
    let mut next = at + first as usize;
    if first == 8 {
        let (second, low) = digits8(text, next);
        value = value * POWERS[second as usize] + low;
        next += second as usize;
        if second == 8 {
            let (third, low) = digits8(text, next);
            if third > 2 {
                return None;
            }
            value = value * POWERS[third as usize] + low;
            next += third as usize;
        }
    }
    if next == at || text[next] != b',' {
        return None;
    }
    Some((value as i64, next + 1))
}

/// A decimal of at most eight digits before and after the point that ends at `,`, as FP8.
#[inline(always)]
fn decimal(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let (whole_digits, whole) = digits8(text, at);
    let mut next = at + whole_digits as usize;
    if whole_digits == 0 {
        return None;
    }
    let mut value = whole * POWERS[8];
    if text[next] == b'.' {
        let (decimals, fraction) = digits8(text, next + 1);
        if decimals == 0 {
            return None;
        }
        value += fraction * POWERS[8 - decimals as usize];
        next += 1 + decimals as usize;
    }
    if text[next] != b',' {
        return None;
    }
    Some((value as i64, next + 1))
}

/// `True`, `true`, `False`, `false`; value and the index behind it.
#[inline(always)]
fn boolean(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let word = load(text, at) | 0x20;
    if word & 0xFFFF_FFFF == u64::from(u32::from_le_bytes(*b"true")) {
        return Some((1, at + 4));
    }
    if word & 0xFF_FFFF_FFFF == u64::from_le_bytes(*b"false\0\0\0") {
        return Some((0, at + 5));
    }
    None
}

/// Reads the line at `at`, which must be followed by at least 16 readable bytes; the index of the next line.
/// None where the line is anything but the usual.
#[inline(always)]
pub fn parse_fast(text: &[u8], at: usize, columns: usize) -> Option<(Row, usize)> {
    let (agg_id, at) = whole(text, at)?;
    let (price, at) = decimal(text, at)?;
    let (volume, at) = decimal(text, at)?;
    let (first_id, at) = whole(text, at)?;
    let (last_id, at) = whole(text, at)?;
    let (time, at) = whole(text, at)?;
    let (buyer_maker, mut at) = boolean(text, at)?;
    if columns == 8 {
        if text[at] != b',' {
            return None;
        }
        at = boolean(text, at + 1)?.1;
    }
    (text[at] == b'\n').then_some((Row { agg_id, price, volume, first_id, last_id, time, buyer_maker }, at + 1))
}

/// Reads one line (without its end) by the rules.
///
/// # Errors
/// `NOT_UTF8`, `BAD_ROW`, `BAD_NUMBER`, `TOO_MANY_DECIMALS`, `OVERFLOW`, `BAD_BOOLEAN`; the offset is within the line.
pub fn parse_careful(line: &[u8], columns: usize) -> Result<Row> {
    if let Err(error) = std::str::from_utf8(line) {
        return Err(
            CoreError::new("NOT_UTF8", "the line is not text (invalid UTF-8)").at_offset(error.valid_up_to() as u64)
        );
    }
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b',').collect();
    if fields.len() != columns {
        return Err(CoreError::new("BAD_ROW", format!("{} fields, {columns} were expected", fields.len())));
    }
    let mut offset = 0;
    let mut at = [0; 8];
    for (slot, field) in at.iter_mut().zip(&fields) {
        *slot = offset;
        offset += field.len() as u64 + 1;
    }
    let number =
        |index: usize, name: &str| integer(fields[index]).map_err(|error| named(error, name).at_offset(at[index]));
    let amount =
        |index: usize, name: &str| fp8::parse(fields[index]).map_err(|error| named(error, name).at_offset(at[index]));
    let flag = |index: usize, name: &str| match fields[index] {
        b"True" | b"true" => Ok(1),
        b"False" | b"false" => Ok(0),
        other => {
            let shown = String::from_utf8_lossy(&other[..other.len().min(20)]);
            Err(CoreError::new("BAD_BOOLEAN", format!("{name}: \"{shown}\" is not true or false")).at_offset(at[index]))
        }
    };
    let row = Row {
        agg_id: number(0, "aggregate id")?,
        price: amount(1, "price")?,
        volume: amount(2, "quantity")?,
        first_id: number(3, "first fill id")?,
        last_id: number(4, "last fill id")?,
        time: number(5, "time")?,
        buyer_maker: flag(6, "buyer is maker")?,
    };
    if columns == 8 {
        flag(7, "best match")?;
    }
    Ok(row)
}

/// Whether a first line names the columns: none of its fields is what a trade's could be. A trade with a broken field still
/// has others that say what it was.
pub fn is_header(line: &[u8]) -> bool {
    line.split(|&byte| byte == b',').all(|field| {
        let is_name = field.iter().any(u8::is_ascii_alphabetic);
        let is_value = field.first().is_some_and(|byte| byte.is_ascii_digit() || b"-+.".contains(byte));
        let is_flag = field.eq_ignore_ascii_case(b"true") || field.eq_ignore_ascii_case(b"false");
        is_name && !is_value && !is_flag
    })
}

fn named(mut error: CoreError, field: &str) -> CoreError {
    error.message = format!("{field}: {}", error.message);
    error
}

fn integer(text: &[u8]) -> Result<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let shown = String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(CoreError::new("BAD_NUMBER", format!("\"{shown}\" is not a whole number")));
    }
    shown.parse().map_err(|_| CoreError::new("OVERFLOW", format!("\"{shown}\" is beyond 64 bits")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fast(line: &str, columns: usize) -> Option<Row> {
        let text = format!("{line}\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        parse_fast(text.as_bytes(), 0, columns).map(|(row, _)| row)
    }

    fn code(line: &str) -> &'static str {
        assert_eq!(fast(line, 7), None, "{line}");
        parse_careful(line.as_bytes(), 7).expect_err(line).code
    }

    #[test]
    fn reads_usual_lines() {
        let line = "1867841629,61837.63000000,0.00123,3735683259,3735683260,1723161255342,True,False";
        let row = fast(line, 8).expect("a usual line");
        assert_eq!(row, parse_careful(line.as_bytes(), 8).expect("a good line"));
        assert_eq!(
            (row.price, row.volume, row.time, row.buyer_maker),
            (6_183_763_000_000, 123_000, 1_723_161_255_342, 1)
        );
        assert_eq!(fast("1,2,3,4,5,6,false", 7).expect("short").buyer_maker, 0);
    }

    #[test]
    fn refuses_with_a_reason() {
        for (line, expected) in [
            ("1,2,3,4,5,6", "BAD_ROW"),
            ("1,2,3,4,5,6,true,true", "BAD_ROW"),
            ("", "BAD_ROW"),
            ("1,abc,3,4,5,6,true", "BAD_NUMBER"),
            ("1,2.,3,4,5,6,true", "BAD_NUMBER"),
            ("1,.5,3,4,5,6,true", "BAD_NUMBER"),
            ("1,1e3,3,4,5,6,true", "BAD_NUMBER"),
            ("1,2,3.123456789,4,5,6,true", "TOO_MANY_DECIMALS"),
            ("1,99999999999.0,3,4,5,6,true", "OVERFLOW"),
            ("99999999999999999999,2,3,4,5,6,true", "OVERFLOW"),
            ("1.5,2,3,4,5,6,true", "BAD_NUMBER"),
            ("1,2,3,4,5,6,yes", "BAD_BOOLEAN"),
            ("1,2,3,4,5,6,TRUE", "BAD_BOOLEAN"),
        ] {
            assert_eq!(code(line), expected, "{line}");
        }
        let error = parse_careful(b"1,\xFF,3,4,5,6,true", 7).expect_err("not text");
        assert_eq!((error.code, error.offset), ("NOT_UTF8", Some(2)));
    }

    #[test]
    fn a_header_has_only_names() {
        for line in [
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
            "agg_trade_id,price,qty,first_trade_id,last_trade_id,timestamp,is_buyer_maker,is_best_match",
            "\"a\",\"p\",\"q\",\"f\",\"l\",\"T\",\"m\"",
            "Aggregate tradeId,Price,Quantity,First tradeId,Last tradeId,Timestamp,Was the buyer the maker",
        ] {
            assert!(is_header(line.as_bytes()), "{line}");
        }
        for line in
            ["x1000,2,3,4,5,6,true", "a,b,c,d,e,6,f", "a,b,c,d,e,f,True", ",,,,,,", "a,b,c,,e,f,g", "a,b,c,-,e,f,g"]
        {
            assert!(!is_header(line.as_bytes()), "{line}");
        }
    }

    proptest! {
        #[test]
        fn fast_and_careful_agree(
            ids in prop::array::uniform4(0_i64..=999_999_999_999_999_999),
            price in "[0-9]{1,8}(\\.[0-9]{1,8})?",
            volume in "[0-9]{1,8}(\\.[0-9]{1,8})?",
            maker in prop::bool::ANY,
        ) {
            let [a, b, c, d] = ids;
            let line = format!("{a},{price},{volume},{b},{c},{d},{}", if maker { "True" } else { "false" });
            let careful = parse_careful(line.as_bytes(), 7).expect("a good line");
            prop_assert_eq!(fast(&line, 7), Some(careful));
        }

        #[test]
        fn fast_never_accepts_what_careful_refuses(line in "[-0-9.,a-zA-Z ]{0,80}") {
            if let Some(row) = fast(&line, 7) {
                prop_assert_eq!(parse_careful(line.as_bytes(), 7), Ok(row));
            }
        }
    }
}
