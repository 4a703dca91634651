//! `barkeep-bench engine [--trades N] [--rounds N] [--no-peers]`: one JSON line per measurement.

mod engine;
mod measure;
mod synthetic;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |flag: &str, default: usize| {
        let at = arguments.iter().position(|argument| argument == flag);
        at.and_then(|at| arguments.get(at + 1)).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    match arguments.first().map(String::as_str) {
        Some("engine") => {
            let start_us = 1_723_075_200_000_000;
            let (trades, _) = synthetic::trades(synthetic::Plan {
                seed: 1,
                trades: number("--trades", 5_000_000),
                first_agg_id: 1_000_000,
                first_trade_id: 2_000_000,
                start_us,
                end_us: start_us + 86_400_000_000,
                mid: None,
            });
            engine::run(&trades, number("--rounds", 9), !arguments.iter().any(|flag| flag == "--no-peers"));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: barkeep-bench engine [--trades N] [--rounds N] [--no-peers]");
            ExitCode::from(3)
        }
    }
}
