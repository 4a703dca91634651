//! Trades as columns.

use std::ops::Range;

/// Aggregate trades, one column per field. Prices and volumes are FP8, times µs since the epoch.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct TradeColumns {
    pub agg_id: Vec<i64>,
    pub price: Vec<i64>,
    pub volume: Vec<i64>,
    pub first_id: Vec<i64>,
    pub last_id: Vec<i64>,
    pub time_us: Vec<i64>,
    /// 1 where the aggressor sold, 0 where it bought.
    pub buyer_maker: Vec<u8>,
}

/// A borrowed run of trades; all columns have the same length.
#[derive(Debug, Clone, Copy)]
pub struct TradeSlice<'a> {
    pub agg_id: &'a [i64],
    pub price: &'a [i64],
    pub volume: &'a [i64],
    pub first_id: &'a [i64],
    pub last_id: &'a [i64],
    pub time_us: &'a [i64],
    pub buyer_maker: &'a [u8],
}

impl TradeColumns {
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            agg_id: Vec::with_capacity(capacity),
            price: Vec::with_capacity(capacity),
            volume: Vec::with_capacity(capacity),
            first_id: Vec::with_capacity(capacity),
            last_id: Vec::with_capacity(capacity),
            time_us: Vec::with_capacity(capacity),
            buyer_maker: Vec::with_capacity(capacity),
        }
    }

    pub fn len(&self) -> usize {
        self.agg_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.agg_id.is_empty()
    }

    pub fn clear(&mut self) {
        self.agg_id.clear();
        self.price.clear();
        self.volume.clear();
        self.first_id.clear();
        self.last_id.clear();
        self.time_us.clear();
        self.buyer_maker.clear();
    }

    pub fn as_slice(&self) -> TradeSlice<'_> {
        self.slice(0..self.len())
    }

    pub fn slice(&self, range: Range<usize>) -> TradeSlice<'_> {
        TradeSlice {
            agg_id: &self.agg_id[range.clone()],
            price: &self.price[range.clone()],
            volume: &self.volume[range.clone()],
            first_id: &self.first_id[range.clone()],
            last_id: &self.last_id[range.clone()],
            time_us: &self.time_us[range.clone()],
            buyer_maker: &self.buyer_maker[range],
        }
    }
}

impl<'a> TradeSlice<'a> {
    pub fn len(&self) -> usize {
        self.agg_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.agg_id.is_empty()
    }

    pub fn slice(&self, range: Range<usize>) -> TradeSlice<'a> {
        TradeSlice {
            agg_id: &self.agg_id[range.clone()],
            price: &self.price[range.clone()],
            volume: &self.volume[range.clone()],
            first_id: &self.first_id[range.clone()],
            last_id: &self.last_id[range.clone()],
            time_us: &self.time_us[range.clone()],
            buyer_maker: &self.buyer_maker[range],
        }
    }
}
