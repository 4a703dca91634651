//! The sample archive, by path and as bytes.

use std::path::PathBuf;

use barkeep_core::archive::{ArchiveReader, Batch, ReadOptions};
use barkeep_core::error::CoreError;
use barkeep_core::trade::TradeColumns;

const DAY: &str = "2024-08-08";
const DAY_START_US: i64 = 1_723_075_200_000_000;

fn sample() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join(format!("examples/archive/data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-{DAY}.zip"))
}

/// SHA-256 from the `.CHECKSUM` line beside the archive.
fn promised() -> [u8; 32] {
    let text = std::fs::read_to_string(format!("{}.CHECKSUM", sample().display())).expect("a checksum file");
    let digits = text.split_whitespace().next().expect("a digest");
    std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("two hexadecimal digits"))
}

fn options() -> ReadOptions {
    ReadOptions {
        sha256: Some(promised()),
        symbol: "BTCUSDT".to_owned(),
        day: DAY.to_owned(),
        day_start_us: DAY_START_US,
        max_inflated_bytes: 1 << 30,
    }
}

fn read_all(mut reader: ArchiveReader) -> Result<TradeColumns, CoreError> {
    let mut all = TradeColumns::default();
    let mut batch = Batch::default();
    while reader.next_batch(&mut batch)? {
        for i in 0..batch.trades.agg_id.len() {
            all.agg_id.push(batch.trades.agg_id[i]);
            all.price.push(batch.trades.price[i]);
            all.volume.push(batch.trades.volume[i]);
            all.first_id.push(batch.trades.first_id[i]);
            all.last_id.push(batch.trades.last_id[i]);
            all.time_us.push(batch.trades.time_us[i]);
            all.buyer_maker.push(batch.trades.buyer_maker[i]);
        }
    }
    Ok(all)
}

#[test]
fn bytes_give_what_the_path_gives() {
    let by_path = read_all(ArchiveReader::open(&sample(), options()).expect("opens")).expect("reads");
    let bytes = std::fs::read(sample()).expect("the sample");
    let from_bytes = read_all(ArchiveReader::from_bytes("sample", bytes, options()).expect("opens")).expect("reads");
    assert!(by_path.agg_id.len() > 5_000);
    assert_eq!(by_path, from_bytes);
}

#[test]
fn bytes_that_are_cut_or_changed_are_refused_by_name() {
    let good = std::fs::read(sample()).expect("the sample");
    let mut changed = good.clone();
    changed[good.len() / 2] ^= 1;
    for bytes in [good[..good.len() / 2].to_vec(), changed] {
        let error = ArchiveReader::from_bytes("sample", bytes, options()).and_then(read_all).expect_err("is refused");
        assert_eq!(error.code, "CHECKSUM_MISMATCH");
        assert_eq!(error.file.as_deref(), Some("sample"));
    }
    let unproven = ReadOptions { sha256: None, ..options() };
    let cut = good[..good.len() / 2].to_vec();
    let error = ArchiveReader::from_bytes("sample", cut, unproven).and_then(read_all).expect_err("is refused");
    assert_eq!(error.code, "ZIP_CORRUPT");
}
