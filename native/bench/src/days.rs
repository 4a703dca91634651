//! Days of made-up trades as the exchange's archives: a zip with one CSV, and its checksum line beside it.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use barkeep_core::calendar::{civil_from_days, days_from_civil};
use barkeep_core::fp8;
use barkeep_core::trade::TradeColumns;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::synthetic::{Plan, trades};

const DAY_US: i64 = 86_400_000_000;
/// From here on the exchange's spot files are in µs, before in ms.
const MICROSECONDS_FROM: (i64, i64, i64) = (2025, 1, 1);

/// Which days to write.
pub struct Request {
    /// The folder that will contain `data/`.
    pub out: PathBuf,
    pub symbol: String,
    /// Year, month, day.
    pub first: (i64, i64, i64),
    pub days: usize,
    pub trades_per_day: usize,
    pub seed: u64,
}

/// Writes spot archives; ids go on from day to day. Prints one JSON line per file.
pub fn write(request: &Request) -> io::Result<()> {
    let folder = request.out.join("data/spot/daily/aggTrades").join(&request.symbol);
    fs::create_dir_all(&folder)?;
    let day_number = |(year, month, day)| days_from_civil(year, month, day);
    let mut plan = Plan {
        seed: request.seed,
        trades: request.trades_per_day,
        first_agg_id: 1_000_000,
        first_trade_id: 2_000_000,
        start_us: 0,
        end_us: 0,
        mid: None,
    };
    for offset in 0..request.days as i64 {
        let day = day_number(request.first) + offset;
        (plan.start_us, plan.end_us) = (day * DAY_US, (day + 1) * DAY_US);
        plan.seed = plan.seed.wrapping_add(1);
        let (columns, mid) = trades(plan);
        plan.mid = Some(mid);
        plan.first_agg_id += columns.len() as i64;
        plan.first_trade_id = columns.last_id.last().map_or(plan.first_trade_id, |last| last + 1);
        let (year, month, date) = civil_from_days(day);
        let name = format!("{}-aggTrades-{year:04}-{month:02}-{date:02}", request.symbol);
        let divisor = if day < day_number(MICROSECONDS_FROM) { 1_000 } else { 1 };
        let path = folder.join(format!("{name}.zip"));
        let text_bytes = write_zip(&path, &format!("{name}.csv"), &columns, divisor)?;
        let file = fs::read(&path)?;
        let hash: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(folder.join(format!("{name}.zip.CHECKSUM")), format!("{hash}  {name}.zip\n"))?;
        println!(
            "{{\"file\":{:?},\"trades\":{},\"text_bytes\":{text_bytes},\"bytes\":{}}}",
            path.display().to_string(),
            columns.len(),
            file.len()
        );
    }
    Ok(())
}

fn write_zip(path: &Path, inner: &str, columns: &TradeColumns, divisor: i64) -> io::Result<u64> {
    let mut zip = ZipWriter::new(BufWriter::new(fs::File::create(path)?));
    zip.start_file(inner, SimpleFileOptions::default().large_file(false))?;
    let mut text = Vec::with_capacity(1 << 20);
    let mut text_bytes = 0;
    for i in 0..columns.len() {
        let flag = if columns.buyer_maker[i] == 1 { "True" } else { "False" };
        writeln!(
            text,
            "{},{},{},{},{},{},{flag},True",
            columns.agg_id[i],
            fp8::format(columns.price[i]),
            fp8::format(columns.volume[i]),
            columns.first_id[i],
            columns.last_id[i],
            columns.time_us[i] / divisor,
        )?;
        if text.len() > (1 << 20) - 256 || i + 1 == columns.len() {
            zip.write_all(&text)?;
            text_bytes += text.len() as u64;
            text.clear();
        }
    }
    zip.finish()?.flush()?;
    Ok(text_bytes)
}
