//! Fixed point with eight decimals ("FP8") from and to text, without floats.

use crate::error::{CoreError, Result};

/// One unit in FP8.
pub const SCALE: i64 = 100_000_000;
const DECIMALS: usize = 8;

/// Parses `[-]digits[.digits]` with at most eight decimals.
///
/// # Errors
/// `BAD_NUMBER` for anything but digits (an empty part included), `TOO_MANY_DECIMALS`, `OVERFLOW` outside i64.
pub fn parse(text: &[u8]) -> Result<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let (whole, fraction) = match digits.iter().position(|&byte| byte == b'.') {
        Some(dot) => (&digits[..dot], Some(&digits[dot + 1..])),
        None => (digits, None),
    };
    if whole.is_empty() || fraction.is_some_and(<[u8]>::is_empty) {
        return Err(bad_number(text));
    }
    let fraction = fraction.unwrap_or_default();
    if !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(bad_number(text));
    }
    if fraction.len() > DECIMALS {
        let shown = String::from_utf8_lossy(text);
        return Err(CoreError::new("TOO_MANY_DECIMALS", format!("\"{shown}\" has more than {DECIMALS} decimals")));
    }
    let padding = std::iter::repeat_n(&b'0', DECIMALS - fraction.len());
    let mut value: i64 = 0;
    for digit in whole.iter().chain(fraction).chain(padding) {
        // Built downwards from zero, so that i64::MIN needs no special case.
        value =
            value.checked_mul(10).and_then(|v| v.checked_sub(i64::from(digit - b'0'))).ok_or_else(|| overflow(text))?;
    }
    if negative { Ok(value) } else { value.checked_neg().ok_or_else(|| overflow(text)) }
}

/// Sign, integer part, point, exactly eight digits.
pub fn format(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.unsigned_abs();
    let scale = SCALE.unsigned_abs();
    format!("{sign}{}.{:08}", magnitude / scale, magnitude % scale)
}

fn bad_number(text: &[u8]) -> CoreError {
    let shown = String::from_utf8_lossy(&text[..text.len().min(40)]);
    CoreError::new("BAD_NUMBER", format!("\"{shown}\" is not a decimal number"))
}

fn overflow(text: &[u8]) -> CoreError {
    let shown = String::from_utf8_lossy(&text[..text.len().min(60)]);
    CoreError::new("OVERFLOW", format!("\"{shown}\" is beyond ±92233720368.54775807"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        parse(text.as_bytes()).expect_err(text).code
    }

    #[test]
    fn reads_exactly() {
        for (text, raw) in [
            ("0", 0),
            ("1", SCALE),
            ("-0.5", -50_000_000),
            ("61837.63000000", 6_183_763_000_000),
            ("0.00000001", 1),
            ("92233720368.54775807", i64::MAX),
            ("-92233720368.54775808", i64::MIN),
            ("000012.5", 1_250_000_000),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(raw), "{text}");
        }
    }

    #[test]
    fn refuses() {
        for text in ["", "-", ".", "1.", ".5", "1.-5", "1.+5", "+1", "1e5", " 1", "1 ", "1.2.3", "NaN", "--1"] {
            assert_eq!(code(text), "BAD_NUMBER", "{text}");
        }
        assert_eq!(code("1.123456789"), "TOO_MANY_DECIMALS");
        for text in ["92233720369.0", "92233720368.54775808", "-92233720368.54775809", "99999999999999999999"] {
            assert_eq!(code(text), "OVERFLOW", "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for raw in [0, 1, -1, SCALE, i64::MAX, i64::MIN, -50_000_000] {
            assert_eq!(parse(format(raw).as_bytes()), Ok(raw));
        }
        assert_eq!(format(i64::MIN), "-92233720368.54775808");
    }
}
