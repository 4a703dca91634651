use proptest::prelude::*;

use super::*;
use crate::archive::row;

const DAY: Expected = Expected { columns: 7, time_scale: 1_000, day_start_us: 86_400_000_000, day_us: 86_400_000_000 };

/// What the careful way makes of a line, and whether it is usual.
fn carefully(line: &str, expected: Expected) -> Option<row::Row> {
    let row = row::parse_careful(line.as_bytes(), expected.columns).ok()?;
    let within = row.time.checked_mul(expected.time_scale)?.checked_sub(expected.day_start_us)?;
    let sound = row.price > 0 && row.volume > 0 && row.first_id >= 0 && row.agg_id >= 0 && row.last_id >= row.first_id;
    (sound && (0..expected.day_us).contains(&within)).then_some(row)
}

/// The trades of the first usual lines, and how many bytes of the text they are.
fn append_all(text: &str, expected: Expected) -> (TradeColumns, usize) {
    let padded = [&[b'9'; BEFORE], text.as_bytes(), &[b'7'; BEHIND]].concat();
    let mut trades = TradeColumns::default();
    let next = append(&padded, BEFORE, BEFORE + text.len(), expected, &mut trades);
    (trades, next - BEFORE)
}

/// Every line that was appended is what the careful way makes of it, and ends where the next begins.
fn check(text: &str, expected: Expected) -> usize {
    let (trades, mut left) = append_all(text, expected);
    for (i, line) in text.split_inclusive('\n').take(trades.len()).enumerate() {
        let row = carefully(line.strip_suffix('\n').expect("a whole line"), expected).expect(line);
        let appended = row::Row {
            agg_id: trades.agg_id[i],
            price: trades.price[i],
            volume: trades.volume[i],
            first_id: trades.first_id[i],
            last_id: trades.last_id[i],
            time: trades.time_us[i] / expected.time_scale,
            buyer_maker: trades.buyer_maker[i],
        };
        assert_eq!(appended, row, "{line}");
        left -= line.len();
    }
    assert_eq!(left, 0);
    trades.len()
}

fn number(digits: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = String> {
    let (least, most) = (*digits.start(), *digits.end());
    prop::string::string_regex(&format!("[0-9]{{{least},{most}}}")).expect("a good pattern")
}

fn usual_line(columns: usize) -> impl Strategy<Value = String> {
    let amount = "0{0,3}[1-9][0-9]{0,4}(\\.[0-9]{1,8})?";
    let ids = (number(1..=16), 0_i64..=999_999_999_999_999, 0_i64..=99_999);
    let flag = || prop::sample::select(vec!["True", "true", "False", "false"]);
    (ids, amount, amount, 86_400_000_i64..172_800_000, flag(), flag()).prop_map(
        move |((agg, first, fills), price, volume, time, maker, best)| {
            let best = if columns == 8 { format!(",{best}") } else { String::new() };
            format!("{agg},{price},{volume},{first},{},{time},{maker}{best}\n", first + fills)
        },
    )
}

proptest! {
    #[test]
    fn appends_every_usual_line(
        seven in prop::collection::vec(usual_line(7), 0..60),
        eight in prop::collection::vec(usual_line(8), 0..300),
    ) {
        for (lines, columns) in [(seven, 7), (eight, 8)] {
            let appended = check(&lines.concat(), Expected { columns, ..DAY });
            // The last lines may be left over where it is not clear that all their separators are there.
            if cfg!(target_arch = "x86_64") && is_x86_feature_detected!("avx2") {
                prop_assert!(appended + 3 >= lines.len(), "{} of {}", appended, lines.len());
            }
        }
    }

    #[test]
    fn never_appends_what_is_wrong(
        lines in prop::collection::vec(usual_line(7), 1..40),
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_u8..3, prop::sample::select(b"0059,.\n\r-+ :/aTe\x7F".to_vec())),
            0..4,
        ),
    ) {
        let mut text = lines.concat().into_bytes();
        for (index, kind, byte) in edits {
            let at = index.index(text.len());
            match kind {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => drop(text.remove(at)),
            }
        }
        text.push(b'\n');
        check(&String::from_utf8(text).expect("ASCII"), DAY);
    }

    #[test]
    fn never_appends_nonsense(text in "([0-9]{0,20}[,.\n]|[-0-9,.:é\r\n]{0,20}|true|,)*") {
        check(&format!("{text}\n"), DAY);
    }
}

#[test]
fn leaves_what_is_no_trade() {
    let usual = "1,2.5,3.25,4,4,86400000,True\n";
    for bad in [
        "2,0.00000000,3.25,5,5,86400000,True\n",
        "2,2.5,0,5,5,86400000,True\n",
        "2,2.5,3.25,-5,5,86400000,True\n",
        "2,2.5,3.25,5,4,86400000,True\n",
        "2,2.5,3.25,5,5,86399999,True\n",
        "2,2.5,3.25,5,5,172800000,True\n",
        "2,2.5,3.25,5,5,9999999999999999,True\n",
        "2,2.5,3.25,5,5,86400000,TRUE\n",
        "2,2.5,3.25,5,5,86400000,Truee\n",
        "2,2.5,3.25,5,5,86400000,True,True\n",
        "2,2.5,3.25,5,5,86400000,True\r\n",
        "2,2.123456789,3.25,5,5,86400000,True\n",
        "2,2.5.5,3.25,5,5,86400000,True\n",
        "2,,3.25,5,5,86400000,True\n",
        "\n",
    ] {
        let text = [usual, bad, usual, usual, usual].concat();
        assert!(check(&text, DAY) <= 1, "{bad}");
    }
}
