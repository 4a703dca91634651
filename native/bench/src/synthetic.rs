//! Made-up trades that look like an exchange's: prices on a tick grid that bounce between bid and ask, orders that sweep several
//! levels at one time, sizes with a heavy tail, several fills per trade. Integers only: the same seed gives the same trades anywhere.

use barkeep_core::trade::TradeColumns;

/// One cent and a hundred-thousandth of a coin, in FP8.
const TICK: i64 = 1_000_000;
const LOT: i64 = 1_000;
const START_PRICE: i64 = 61_000 * 100_000_000;

/// What to make.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub trades: usize,
    pub first_agg_id: i64,
    pub first_trade_id: i64,
    /// The first trade comes at or after this time, the last before `end_us`.
    pub start_us: i64,
    pub end_us: i64,
    /// FP8, on the tick grid; the end of the day before, or none to begin.
    pub mid: Option<i64>,
}

/// A day's worth of trades.
pub fn one_day(trades: usize) -> Plan {
    let start_us = 1_723_075_200_000_000;
    let end_us = start_us + 86_400_000_000;
    Plan { seed: 1, trades, first_agg_id: 1_000_000, first_trade_id: 2_000_000, start_us, end_us, mid: None }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> i64 {
        (self.next() % bound) as i64
    }

    /// 0 with probability one half, 1 with one quarter, ….
    fn halvings(&mut self, most: u32) -> u32 {
        self.next().trailing_zeros().min(most)
    }

    /// Roughly normal with mean 0 and standard deviation `spread` / 2.
    fn bell(&mut self, spread: u64) -> i64 {
        let draws: i64 = (0..3).map(|_| self.below(spread + 1)).sum();
        draws - (3 * spread / 2) as i64
    }

    /// A size whose tail falls like 1 / size, capped.
    fn heavy(&mut self) -> i64 {
        let scale = 1_u64 << self.halvings(22);
        scale as i64 * 8 + self.below(scale * 8)
    }
}

/// Trades in id order, ids without holes, times not decreasing; and the mid price at the end.
pub fn trades(plan: Plan) -> (TradeColumns, i64) {
    let mut random = Random(plan.seed);
    let mut out = TradeColumns::with_capacity(plan.trades);
    let mut mid = plan.mid.unwrap_or(START_PRICE);
    let mut fill_id = plan.first_trade_id;
    let mut time = plan.start_us;
    while out.len() < plan.trades {
        // The pace keeps to the plan: what is left of the time over what is left of the trades.
        let left = (plan.trades - out.len()) as i64;
        let pace = ((plan.end_us - time) / left).max(0) as u64;
        let burst = 1 + random.halvings(7) as usize * (1 + random.halvings(4) as usize);
        time = (time + random.below(2 * pace * burst as u64 + 1)).min(plan.end_us - 1);
        mid = (mid + random.bell(360) * TICK).max(100 * TICK);
        let sells = random.below(2) == 1;
        let step = if sells { -TICK } else { TICK };
        // Half the spread away from the mid, then level by level.
        let mut price = mid + step * (1 + random.below(3));
        for _ in 0..burst.min(plan.trades - out.len()) {
            let fills = 1 + i64::from(random.halvings(6));
            out.agg_id.push(plan.first_agg_id + out.agg_id.len() as i64);
            out.price.push(price);
            out.volume.push(random.heavy() * LOT);
            out.first_id.push(fill_id);
            out.last_id.push(fill_id + fills - 1);
            out.time_us.push(time);
            out.buyer_maker.push(u8::from(sells));
            fill_id += fills;
            price = (price + step * random.below(40)).max(TICK);
        }
        // A sweep moves the book.
        mid += (price - mid) / 4 / TICK * TICK;
    }
    (out, mid)
}
