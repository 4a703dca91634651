//! Measurements of the core, one JSON line each, and the days they can be made with.

mod archive;
mod days;
mod engine;
mod measure;
mod synthetic;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: barkeep-bench engine [--trades N] [--rounds N] [--no-peers]
       barkeep-bench archive --file ZIP [--rounds N]
       barkeep-bench days --out DIR [--symbol BTCUSDT] [--first YYYY-MM-DD] [--days N] [--trades N] [--seed N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).cloned()
    };
    let number = |flag: &str, default: usize| text(flag).and_then(|text| text.parse().ok()).unwrap_or(default);
    let trades = number("--trades", 5_000_000);
    match arguments.first().map(String::as_str) {
        Some("engine") => {
            let (columns, _) = synthetic::trades(synthetic::one_day(trades));
            engine::run(&columns, number("--rounds", 9).max(1), !arguments.iter().any(|flag| flag == "--no-peers"));
            ExitCode::SUCCESS
        }
        Some("days") => {
            let first = text("--first").unwrap_or_else(|| "2024-08-08".to_owned());
            let (Some(out), Some(first)) = (text("--out"), parse_day(&first)) else { return usage() };
            let request = days::Request {
                out: out.into(),
                symbol: text("--symbol").unwrap_or_else(|| "BTCUSDT".to_owned()),
                first,
                days: number("--days", 1),
                trades_per_day: trades,
                seed: number("--seed", 1) as u64,
            };
            outcome(days::write(&request), &request.out)
        }
        Some("archive") => {
            let Some(file) = text("--file").map(PathBuf::from) else { return usage() };
            outcome(archive::run(&file, number("--rounds", 5).max(1)), &file)
        }
        _ => usage(),
    }
}

fn outcome(result: io::Result<()>, path: &Path) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("barkeep-bench: {}: {error}", path.display());
            ExitCode::from(2)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(3)
}

fn parse_day(text: &str) -> Option<(i64, i64, i64)> {
    let mut parts = text.split('-').map(|part| part.parse().ok());
    let day = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(day)
}
