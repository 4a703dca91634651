//! Bars, one at a time and as columns. The order of the fields is the order of the store's columns.

macro_rules! bar_fields {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// One range bar. Prices, volumes and vwap are FP8, turnovers FP8 × FP8 (× 10^16), times µs since the epoch.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Bar { $($(#[$doc])* pub $name: $type,)* }

        /// Bars, one column per field.
        #[derive(Debug, Default, Clone, PartialEq)]
        pub struct BarColumns {
            $($(#[$doc])* pub $name: Vec<$type>,)*
            /// The id that ended each bar: a completed bar's last one, an orphan's as [`BarColumns::push_orphan`] was told.
            pub ended_by_id: Vec<i64>,
        }

        impl BarColumns {
            /// The names of a bar's fields in order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            fn push_ended(&mut self, bar: &Bar, ended_by_id: i64) {
                $(self.$name.push(bar.$name);)*
                self.ended_by_id.push(ended_by_id);
            }

            /// Row `index`. Panics where there is none.
            pub fn get(&self, index: usize) -> Bar {
                Bar { $($name: self.$name[index],)* }
            }

            /// Keeps the first `len` bars.
            pub fn truncate(&mut self, len: usize) {
                $(self.$name.truncate(len);)*
                self.ended_by_id.truncate(len);
            }

            /// Moves all bars of `other` behind these.
            pub fn append(&mut self, other: &mut BarColumns) {
                $(self.$name.append(&mut other.$name);)*
                self.ended_by_id.append(&mut other.ended_by_id);
            }
        }
    };
}

bar_fields! {
    open_time: i64,
    close_time: i64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: i128,
    turnover: i128,
    buy_volume: i128,
    sell_volume: i128,
    buy_turnover: i128,
    sell_turnover: i128,
    first_trade_id: i64,
    last_trade_id: i64,
    first_agg_trade_id: i64,
    last_agg_trade_id: i64,
    individual_trade_count: i64,
    agg_record_count: i64,
    buy_trade_count: i64,
    sell_trade_count: i64,
    vwap: i64,
    duration_us: i64,
    ofi: f64,
    vwap_close_deviation: f64,
    price_impact: f64,
    kyle_lambda_proxy: f64,
    trade_intensity: f64,
    volume_per_trade: f64,
    aggression_ratio: f64,
    aggregation_density: f64,
    turnover_imbalance: f64,
    /// 1 where a reset or a hole of ids ended the bar, not a breach.
    is_orphan: u8,
    /// An [`OrphanReason`], 0 for a completed bar.
    orphan_reason: u8,
}

impl BarColumns {
    /// A completed bar, ended by its own last trade; or the forming one as it is.
    pub fn push(&mut self, bar: &Bar) {
        self.push_ended(bar, bar.last_agg_trade_id);
    }

    /// An orphan. `ended_by_id` is the first id behind a hole, or the last one seen before a boundary: the bar is known to have
    /// ended when that id is.
    pub fn push_orphan(&mut self, bar: &Bar, ended_by_id: i64) {
        self.push_ended(bar, ended_by_id);
    }

    pub fn len(&self) -> usize {
        self.open_time.len()
    }

    pub fn is_empty(&self) -> bool {
        self.open_time.is_empty()
    }

    pub fn clear(&mut self) {
        self.truncate(0);
    }
}

/// Why a bar ended without a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OrphanReason {
    YearBoundary = 1,
    MonthBoundary = 2,
    WeekBoundary = 3,
    IdGap = 4,
}
