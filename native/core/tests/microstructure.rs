//! The microstructure columns of real bars, bit for bit, from the shared reference files where they are present.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use barkeep_core::bar::Bar;
use barkeep_core::microstructure;

/// Rows of a CSV as maps from column to text.
fn rows(path: &Path) -> Vec<HashMap<String, String>> {
    let text = fs::read_to_string(path).expect("the file is readable");
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("a header").split(',').collect();
    lines
        .map(|line| {
            names.iter().zip(line.split(',')).map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect()
        })
        .collect()
}

fn bar(row: &HashMap<String, String>) -> Bar {
    let wide = |name: &str| row[name].parse::<i128>().expect("an integer");
    let narrow = |name: &str| row[name].parse::<i64>().expect("an integer");
    Bar {
        open_time: narrow("open_time"),
        close_time: narrow("close_time"),
        open: narrow("open"),
        high: narrow("high"),
        low: narrow("low"),
        close: narrow("close"),
        volume: wide("volume"),
        turnover: wide("turnover"),
        buy_volume: wide("buy_volume"),
        sell_volume: wide("sell_volume"),
        buy_turnover: wide("buy_turnover"),
        sell_turnover: wide("sell_turnover"),
        first_trade_id: narrow("first_trade_id"),
        last_trade_id: narrow("last_trade_id"),
        first_agg_trade_id: narrow("first_agg_trade_id"),
        last_agg_trade_id: narrow("last_agg_trade_id"),
        individual_trade_count: narrow("individual_trade_count"),
        agg_record_count: narrow("agg_record_count"),
        buy_trade_count: narrow("buy_trade_count"),
        sell_trade_count: narrow("sell_trade_count"),
        vwap: narrow("vwap"),
        duration_us: 0,
        ofi: 0.0,
        vwap_close_deviation: 0.0,
        price_impact: 0.0,
        kyle_lambda_proxy: 0.0,
        trade_intensity: 0.0,
        volume_per_trade: 0.0,
        aggression_ratio: 0.0,
        aggregation_density: 0.0,
        turnover_imbalance: 0.0,
        is_orphan: 0,
        orphan_reason: 0,
    }
}

#[test]
fn of_real_bars() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden");
    if !golden.exists() {
        eprintln!("skipped: {} is not there", golden.display());
        return;
    }
    for series in ["spot-BTCUSDT@25", "spot-BTCUSDT@50", "futures-um-BTCUSDT@25"] {
        let bars: HashMap<String, Bar> = rows(&golden.join(format!("{series}.csv")))
            .iter()
            .map(|row| (row["first_agg_trade_id"].clone(), bar(row)))
            .collect();
        let features = rows(&golden.join(format!("features/{series}.csv")));
        assert!(!features.is_empty());
        for row in features {
            let mut bar = bars[&row["first_agg_trade_id"]];
            microstructure::fill(&mut bar);
            assert_eq!(row["duration_us"], bar.duration_us.to_string());
            for (name, actual) in [
                ("ofi", bar.ofi),
                ("vwap_close_deviation", bar.vwap_close_deviation),
                ("price_impact", bar.price_impact),
                ("kyle_lambda_proxy", bar.kyle_lambda_proxy),
                ("trade_intensity", bar.trade_intensity),
                ("volume_per_trade", bar.volume_per_trade),
                ("aggression_ratio", bar.aggression_ratio),
                ("aggregation_density", bar.aggregation_density),
                ("turnover_imbalance", bar.turnover_imbalance),
            ] {
                let expected: f64 = row[name].parse().expect("a number");
                assert_eq!(actual.to_bits(), expected.to_bits(), "{series} {name}: {actual} {expected}");
            }
        }
    }
}
