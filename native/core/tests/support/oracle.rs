//! Range bars the slow way: one trade at a time, everything in 128 bits, nothing shared with the engine but the input and output
//! types. Written from the definition of a bar alone.

use barkeep_core::bar::Bar;
use barkeep_core::trade::TradeColumns;

#[derive(Debug, Clone, Copy)]
pub struct Trade {
    pub id: i64,
    pub price: i64,
    pub volume: i64,
    pub first: i64,
    pub last: i64,
    pub time: i64,
    pub sold: bool,
}

pub fn rows(trades: &TradeColumns) -> Vec<Trade> {
    (0..trades.len())
        .map(|i| Trade {
            id: trades.agg_id[i],
            price: trades.price[i],
            volume: trades.volume[i],
            first: trades.first_id[i],
            last: trades.last_id[i],
            time: trades.time_us[i],
            sold: trades.buyer_maker[i] == 1,
        })
        .collect()
}

/// 0 year, 1 month, 2 week, of a time; by counting days up from 1970.
pub fn period(mode: u8, time_us: i64) -> (i64, i64) {
    let day = time_us / 86_400_000_000;
    if mode == 2 {
        return ((day + 4) / 7, 0);
    }
    let (mut year, mut left) = (1970, day);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    if mode == 0 {
        return (year, 0);
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    (year, month as i64)
}

/// How bars come to be.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub threshold: u32,
    pub gate_unit: i64,
    /// As in [`period`], or none.
    pub reset: Option<u8>,
}

/// Ended bars in order (with their trades), and the trades of the forming one.
pub fn bars(trades: &[Trade], rules: Rules) -> (Vec<(Bar, Vec<Trade>)>, Vec<Trade>) {
    let mut ended = Vec::new();
    let mut current: Vec<Trade> = Vec::new();
    let mut previous: Option<Trade> = None;
    for &trade in trades {
        if let Some(previous) = previous {
            let new_period = rules.reset.is_some_and(|mode| period(mode, previous.time) != period(mode, trade.time));
            let reason = match rules.reset {
                Some(mode) if new_period => mode + 1,
                _ if trade.id - previous.id != 1 => 4,
                _ => 0,
            };
            if reason != 0 && !current.is_empty() {
                ended.push((bar(&current, reason), std::mem::take(&mut current)));
            }
        }
        previous = Some(trade);
        current.push(trade);
        let open = current[0];
        if current.len() > 1 && breaches(open.price, trade.price, rules.threshold) && passes_gate(open, trade, rules) {
            ended.push((bar(&current, 0), std::mem::take(&mut current)));
        }
    }
    (ended, current)
}

pub fn delta(open: i64, threshold: u32) -> i128 {
    i128::from(open) * i128::from(threshold) / 100_000
}

pub fn breaches(open: i64, price: i64, threshold: u32) -> bool {
    (i128::from(price) - i128::from(open)).abs() >= delta(open, threshold)
}

fn passes_gate(open: Trade, trade: Trade, rules: Rules) -> bool {
    rules.gate_unit == 0 || trade.time / rules.gate_unit != open.time / rules.gate_unit
}

pub fn bar(trades: &[Trade], reason: u8) -> Bar {
    let (open, close) = (trades[0], trades[trades.len() - 1]);
    let sum = |of: &dyn Fn(&Trade) -> i128, bought: Option<bool>| -> i128 {
        trades.iter().filter(|trade| bought.is_none_or(|bought| bought != trade.sold)).map(of).sum()
    };
    let volume_of = |trade: &Trade| i128::from(trade.volume);
    let turnover_of = |trade: &Trade| i128::from(trade.price) * i128::from(trade.volume);
    let fills_of = |trade: &Trade| i128::from(trade.last - trade.first + 1);
    let (volume, turnover) = (sum(&volume_of, None), sum(&turnover_of, None));
    let vwap = if trades.len() == 1 || volume == 0 { open.price } else { (turnover / volume) as i64 };
    let high = trades.iter().map(|trade| trade.price).max().unwrap_or(0);
    let low = trades.iter().map(|trade| trade.price).min().unwrap_or(0);
    let (buys, sells) = (sum(&fills_of, Some(true)) as i64, sum(&fills_of, Some(false)) as i64);
    let (buy_volume, sell_volume) = (sum(&volume_of, Some(true)), sum(&volume_of, Some(false)));
    let (buy_turnover, sell_turnover) = (sum(&turnover_of, Some(true)), sum(&turnover_of, Some(false)));

    let real = |fp8: i128| fp8 as f64 / 1e8;
    let guarded = |divisor: f64, value: f64| if divisor > f64::EPSILON { value } else { 0.0 };
    let (b, s, v) = (real(buy_volume), real(sell_volume), real(volume));
    let ofi = guarded(b + s, (b - s) * (1.0 / (b + s)));
    let [o, h, l, c, w] = [open.price, high, low, close.price, vwap].map(|price| real(i128::from(price)));
    let seconds = (close.time - open.time) as f64 * 1e-6;
    let fills = (buys + sells) as f64;
    let both = (buy_turnover + sell_turnover) as f64;
    Bar {
        open_time: open.time,
        close_time: close.time,
        open: open.price,
        high,
        low,
        close: close.price,
        volume,
        turnover,
        buy_volume,
        sell_volume,
        buy_turnover,
        sell_turnover,
        first_trade_id: open.first,
        last_trade_id: close.last,
        first_agg_trade_id: open.id,
        last_agg_trade_id: close.id,
        individual_trade_count: buys + sells,
        agg_record_count: trades.len() as i64,
        buy_trade_count: buys,
        sell_trade_count: sells,
        vwap,
        duration_us: close.time - open.time,
        ofi,
        vwap_close_deviation: guarded(h - l, (c - w) / (h - l)),
        price_impact: guarded(v, (c - o).abs() / v),
        kyle_lambda_proxy: if ofi.abs() > f64::EPSILON && o > f64::EPSILON { ((c - o) / o) / ofi } else { 0.0 },
        trade_intensity: if seconds > f64::EPSILON { fills * (1.0 / seconds) } else { fills },
        volume_per_trade: v * (1.0 / fills),
        aggression_ratio: match (buys, sells) {
            (_, 0) => 100.0,
            _ => (buys as f64 / sells as f64).min(100.0),
        },
        aggregation_density: fills * (1.0 / trades.len() as f64),
        turnover_imbalance: guarded(both, (buy_turnover as f64 - sell_turnover as f64) * (1.0 / both)),
        is_orphan: u8::from(reason != 0),
        orphan_reason: reason,
    }
}
