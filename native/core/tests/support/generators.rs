//! The two reference generators, from integers only.

use barkeep_core::trade::TradeColumns;

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Generator A: 10 000 trades.
pub fn generator_a() -> TradeColumns {
    let mut state = 88_172_645_463_325_252;
    let mut trades = TradeColumns::default();
    let (mut price, mut time, mut fill) = (10_000_000_000_i64, 1_700_000_000_000_000_i64, 1_i64);
    for i in 0..10_000_i64 {
        let mut draw = || xorshift(&mut state);
        let (a, b, c, d, e) = (draw(), draw(), draw(), draw(), draw());
        if i > 0 {
            price += ((a % 2_001) as i64 - 1_000) * 2_000;
            time += 1_000 * (b % 50) as i64;
        }
        let extra = (d % 4) as i64;
        trades.agg_id.push(1_000 + i);
        trades.price.push(price);
        trades.volume.push(1_000_000 * (1 + (c % 100_000) as i64));
        trades.first_id.push(fill);
        trades.last_id.push(fill + extra);
        trades.time_us.push(time);
        trades.buyer_maker.push((e % 2) as u8);
        fill += extra + 1;
    }
    trades
}

/// Generator B: the same trades, many at one time.
pub fn generator_b() -> TradeColumns {
    let mut trades = generator_a();
    let mut state = 0x9E37_79B9_7F4A_7C15;
    let mut time = 1_700_000_000_000_000;
    for slot in &mut trades.time_us {
        if xorshift(&mut state) % 10 == 9 {
            time += 1_000;
        }
        *slot = time;
    }
    trades
}
