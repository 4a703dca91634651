//! A day's archive to bars, checksum included, beside inflating the same bytes in one piece with libdeflate on one core.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use barkeep_core::archive::{ArchiveReader, Batch, ReadOptions};
use barkeep_core::calendar::{Segmentation, days_from_civil};
use barkeep_core::job::{Job, JobConfig};
use libdeflater::Decompressor;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::measure::{Subject, compare};

/// The archive is named as the exchange names it: `SYMBOL-aggTrades-YYYY-MM-DD.zip`.
pub fn run(path: &Path, rounds: usize) -> io::Result<()> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or_else(|| bad("no name"))?;
    let (symbol, day) = name.split_once("-aggTrades-").ok_or_else(|| bad("not SYMBOL-aggTrades-YYYY-MM-DD.zip"))?;
    let (year, month, date) = crate::parse_day(day).ok_or_else(|| bad("no day in the name"))?;
    let options = ReadOptions {
        sha256: Some(Sha256::digest(fs::read(path)?).into()),
        symbol: symbol.to_owned(),
        day: day.to_owned(),
        day_start_us: days_from_civil(year, month, date) * 86_400_000_000,
        max_inflated_bytes: 1 << 40,
    };

    let mut zip = ZipArchive::new(File::open(path)?)?;
    let mut entry = zip.by_index_raw(0)?;
    let mut deflated = Vec::new();
    entry.read_to_end(&mut deflated)?;
    let mut inflated = vec![0; usize::try_from(entry.size()).map_err(|_| bad("too large"))?];
    let trades = zip_to_bars(path, &options, &[250]).1;

    let mut subjects = vec![Subject {
        name: "libdeflate whole buffer",
        dbps: None,
        run: Box::new(|| {
            let mut decompressor = Decompressor::new();
            decompressor.deflate_decompress(&deflated, &mut inflated).expect("the archive is whole") as u64
        }),
    }];
    for (name, thresholds) in
        [("zip to bars", &[250][..]), ("zip to bars, four thresholds", &[50, 100, 250, 1_000][..])]
    {
        let options = &options;
        subjects.push(Subject {
            name,
            dbps: (thresholds.len() == 1).then_some(thresholds[0]),
            run: Box::new(move || zip_to_bars(path, options, thresholds).0),
        });
    }
    let best = compare("archive", trades, rounds, &mut subjects);
    println!(
        "{{\"bench\":\"archive ratios\",\"share_of_libdeflate\":{:.2},\"four_thresholds_over_one\":{:.2}}}",
        best[0] / best[1],
        best[2] / best[1]
    );
    Ok(())
}

/// Completed bars and trades.
fn zip_to_bars(path: &Path, options: &ReadOptions, thresholds: &[u32]) -> (u64, usize) {
    let config = JobConfig { thresholds: thresholds.to_vec(), gate_unit_us: 1, segmentation: Segmentation::Year };
    let mut job = Job::new(&config).expect("the thresholds are valid");
    let mut reader = ArchiveReader::open(path, options.clone()).expect("the archive can be read");
    let mut batch = Batch::default();
    let mut trades = 0;
    while reader.next_batch(&mut batch).expect("the archive is whole") {
        job.push(batch.trades.as_slice()).expect("the trades are in order");
        trades += batch.trades.len();
    }
    (job.units().iter().map(|unit| unit.bars().len() as u64).sum(), trades)
}
