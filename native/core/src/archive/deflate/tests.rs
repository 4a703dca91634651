use super::*;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::prelude::*;

/// The text and how many bytes of the input it took; the input comes in pieces, the output goes in chunks.
fn ours(deflated: &[u8], piece: usize, chunk: usize) -> Result<(Vec<u8>, usize), Fault> {
    let mut inflate = Inflate::new();
    let (mut text, mut fed, mut used) = (Vec::new(), 0, 0);
    let mut bytes = Vec::new();
    let mut buffer = vec![0; WINDOW_BYTES + chunk + OUTPUT_SLACK];
    let (mut begin, mut end) = (WINDOW_BYTES, WINDOW_BYTES);
    loop {
        let next = (fed + piece).min(deflated.len());
        bytes.extend_from_slice(&deflated[fed..next]);
        fed = next;
        let (last, length) = (fed == deflated.len(), bytes.len());
        if last {
            // What stands behind the end must not matter.
            bytes.resize(length + INPUT_PAD, 0x55);
        }
        let mut input = Input { bytes: &bytes, end: length, last, at: 0 };
        let outcome = loop {
            let limit = WINDOW_BYTES + chunk;
            let mut output = Output { bytes: &mut buffer, begin, at: end, limit };
            let outcome = inflate.run(&mut input, &mut output)?;
            assert!(output.at <= limit + OUTPUT_SLACK);
            text.extend_from_slice(&output.bytes[end..output.at]);
            end = output.at;
            if outcome != Outcome::NeedOutput {
                break outcome;
            }
            buffer.copy_within(end - WINDOW_BYTES..end, 0);
            begin = begin.saturating_sub(end - WINDOW_BYTES);
            end = WINDOW_BYTES;
        };
        used += input.at;
        if outcome == Outcome::End {
            return Ok((text, used));
        }
        assert!(!last && length - input.at <= LEFT_OVER_MAX);
        bytes.drain(..input.at);
    }
}

fn theirs(deflated: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut stream = Decompress::new(false);
    let mut text = Vec::new();
    loop {
        text.reserve(1 << 16);
        let before = (stream.total_in(), stream.total_out());
        let rest = &deflated[stream.total_in() as usize..];
        match stream.decompress_vec(rest, &mut text, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return Some((text, stream.total_in() as usize)),
            Ok(_) if before != (stream.total_in(), stream.total_out()) => {}
            _ => return None,
        }
    }
}

fn deflate(text: &[u8], level: u32) -> Vec<u8> {
    let mut stream = Compress::new(Compression::new(level), false);
    let mut deflated = Vec::with_capacity(text.len() + 1024);
    stream.compress_vec(text, &mut deflated, FlushCompress::Finish).expect("room enough");
    assert_eq!(stream.total_in(), text.len() as u64);
    deflated
}

/// Digits, runs, whole-alphabet noise and repetitions of what was there before, near and far.
fn text(plan: &[(u8, u16, u16)]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut noise = 12_345_u64;
    for &(kind, a, b) in plan {
        match kind % 4 {
            0 => text.extend_from_slice(format!("{a},{b}.00000000,True\n").as_bytes()),
            1 => text.extend(std::iter::repeat_n(a as u8, usize::from(b % 700))),
            2 => text.extend((0..b % 3_000).map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(u64::from(a) | 1);
                let byte = (noise >> 56) as u8;
                if a % 2 == 0 { byte } else { byte & (noise >> 48) as u8 & (noise >> 40) as u8 }
            })),
            _ => {
                let from = text.len().saturating_sub(usize::from(a) + 1);
                for i in from..from + usize::from(b % 1_000) {
                    let byte = text.get(i).copied().unwrap_or(7);
                    text.push(byte);
                }
            }
        }
    }
    text
}

fn plan() -> impl Strategy<Value = Vec<(u8, u16, u16)>> {
    prop::collection::vec(any::<(u8, u16, u16)>(), 0..400)
}

#[test]
fn refuses_what_is_cut_off_and_knows_where_it_ends() {
    let whole = deflate(&text(&[(0, 1, 2), (2, 3, 900), (3, 400, 900), (1, 65, 600)]), 6);
    for length in 0..whole.len() {
        assert!(ours(&whole[..length], 1 << 20, 1 << 16).is_err(), "{length}");
    }
    let longer = [&whole[..], &[0; 40]].concat();
    assert_eq!(ours(&longer, 1 << 20, 1 << 16).expect("a good text").1, whole.len());
}

#[test]
fn refuses_bad_blocks() {
    for (bytes, what) in [
        (&[0b111][..], "a block is of no known kind"),
        (&[1, 5, 0, 5, 0], "a stored block's length is wrong"),
        (&[0x03, 0x02, 0x00], "a match reaches back before the text"),
        (&[0b1111_1101, 0xFF, 0xFF], "a block has too many codes"),
    ] {
        let padded = [bytes, &[0; 32]].concat();
        assert_eq!(theirs(&padded), None, "{what}");
        assert_eq!(ours(&padded, 1 << 20, 1 << 16), Err(what));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn agrees_with_zlib(
        plan in plan(),
        level in 0_u32..=9,
        piece in prop_oneof![1_usize..50, 1_000_usize..5_000, Just(1 << 20)],
        chunk in prop_oneof![Just(WINDOW_BYTES), WINDOW_BYTES..100_000],
    ) {
        let text = text(&plan);
        let deflated = deflate(&text, level);
        let (inflated, used) = ours(&deflated, piece, chunk).expect("a good text");
        prop_assert!(inflated == text);
        prop_assert_eq!(used, deflated.len());
    }

    #[test]
    fn refuses_what_zlib_refuses(
        plan in plan(),
        level in 0_u32..=9,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8, any::<bool>()), 1..4),
        piece in prop_oneof![1_000_usize..5_000, Just(1 << 20)],
    ) {
        let mut deflated = deflate(&text(&plan), level);
        let length = deflated.len();
        for (index, bit, early) in flips {
            // The headers are where most can go wrong.
            deflated[index.index(if early { length.min(90) } else { length })] ^= 1 << bit;
        }
        prop_assert!(ours(&deflated, piece, WINDOW_BYTES).ok() == theirs(&deflated));
    }

    #[test]
    fn survives_noise(bytes in prop::collection::vec(any::<u8>(), 0..2_000), kind in 0_u8..8) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = (*first & !7) | kind;
        }
        prop_assert!(ours(&bytes, 1 << 20, WINDOW_BYTES).ok() == theirs(&bytes));
    }
}
