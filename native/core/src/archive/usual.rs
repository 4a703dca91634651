//! Many usual lines at once, by vectors. What makes a line unusual is not asked here: such a line is left to [`super::row`].
//!
//! First the places of all separators in a stretch of text, 64 bytes at a look; then each field on its own, for it is known
//! where it ends: no field waits for the one before it, and nothing branches on how long it is. 45 ns per line became 20.

use crate::trade::TradeColumns;

/// Bytes that must be readable before the first line.
pub const BEFORE: usize = 16;
/// Bytes that must be readable behind the last line.
pub const BEHIND: usize = 64;

/// What decides whether a line is usual, apart from its text.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    pub columns: usize,
    /// µs per unit of the lines' times.
    pub time_scale: i64,
    pub day_start_us: i64,
    pub day_us: i64,
}

/// Appends the trades of the lines from `at` on, up to the first that is not usual; the index of that line. All of
/// `text[at..end]` is whole lines.
pub fn append(text: &[u8], at: usize, end: usize, expected: Expected, trades: &mut TradeColumns) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2") {
        // SAFETY: the processor has the features the function was built for.
        return unsafe { x86::append(text, at, end, expected, trades) };
    }
    let _ = (text, end, expected, trades);
    at
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::mem::MaybeUninit;

    use super::{BEFORE, BEHIND, Expected};
    use crate::trade::TradeColumns;

    /// A stretch is short at first and behind an unusual line, so that many of those cost little.
    const STRETCH_MIN: usize = 512;
    const STRETCH_MAX: usize = 16 << 10;
    /// Separators of a line with eight columns and two decimal points.
    const LINE_SEPARATORS: usize = 10;

    const ROOM: usize = STRETCH_MAX + 64;

    /// `KEEP_LAST[n]` keeps the last n of 16 bytes, up to all of them.
    static KEEP_LAST: [[u8; 16]; 32] = {
        let mut masks = [[0; 16]; 32];
        let mut length = 0;
        while length < 32 {
            let mut byte = 0;
            while byte < 16 {
                if byte + length >= 16 {
                    masks[length][byte] = 0xFF;
                }
                byte += 1;
            }
            length += 1;
        }
        masks
    };

    /// `KEEP_FIRST[n]` keeps the first n of eight bytes, up to all of them.
    static KEEP_FIRST: [u64; 16] = {
        let mut masks = [u64::MAX; 16];
        let mut length = 0;
        while length < 8 {
            masks[length] = (1 << (8 * length)) - 1;
            length += 1;
        }
        masks
    };

    #[target_feature(enable = "avx2,bmi1,bmi2")]
    pub fn append(text: &[u8], mut at: usize, end: usize, expected: Expected, trades: &mut TradeColumns) -> usize {
        assert!(at >= BEFORE && end + BEHIND <= text.len() && u32::try_from(text.len()).is_ok());
        let mut separators = [MaybeUninit::uninit(); ROOM];
        let mut stretch = STRETCH_MIN;
        loop {
            let stretch_end = end.min(at + stretch);
            if at >= stretch_end {
                return at;
            }
            let separators = find_separators(text, at, stretch_end, &mut separators);
            let (next, unusual) = lines(text, at, separators, expected, trades);
            if unusual || next == at {
                return next;
            }
            at = next;
            stretch = (2 * stretch).min(STRETCH_MAX);
        }
    }

    /// The places of all bytes of `text[at..end]` that are below `0` or not ASCII.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn find_separators<'a>(text: &[u8], at: usize, end: usize, places: &'a mut [MaybeUninit<u32>; ROOM]) -> &'a [u32] {
        assert!(end + BEHIND <= text.len() && end - at <= STRETCH_MAX);
        let zero = _mm256_set1_epi8(b'0' as i8);
        let mut count = 0;
        let mut block = at;
        while block < end {
            // SAFETY: 64 bytes from before `end` on are within the text.
            let (low, high) = unsafe {
                let from = text.as_ptr().add(block).cast::<__m256i>();
                (_mm256_loadu_si256(from), _mm256_loadu_si256(from.add(1)))
            };
            let low = _mm256_movemask_epi8(_mm256_cmpgt_epi8(zero, low)) as u32;
            let high = _mm256_movemask_epi8(_mm256_cmpgt_epi8(zero, high)) as u32;
            let mut mask = u64::from(low) | u64::from(high) << 32;
            if end - block < 64 {
                mask &= (1 << (end - block)) - 1;
            }
            let found = mask.count_ones() as usize;
            let mut slot = count;
            // Four at a time: a few places too many are written over by the next block.
            while slot < count + found {
                for i in 0..4 {
                    // SAFETY: every block has room for its 64 places, the last with 64 to spare.
                    unsafe { places.get_unchecked_mut(slot + i).write(block as u32 + mask.trailing_zeros()) };
                    mask &= mask.wrapping_sub(1);
                }
                slot += 4;
            }
            count += found;
            block += 64;
        }
        // SAFETY: so many have been written.
        unsafe { places[..count].assume_init_ref() }
    }

    /// Appends lines as long as they are usual and have all their separators; the index behind the last, and whether the next
    /// is unusual.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn lines(
        text: &[u8],
        mut at: usize,
        separators: &[u32],
        expected: Expected,
        trades: &mut TradeColumns,
    ) -> (usize, bool) {
        let most = separators.len() / 7 + 1;
        let had = trades.len();
        trades.agg_id.reserve(most);
        trades.price.reserve(most);
        trades.volume.reserve(most);
        trades.first_id.reserve(most);
        trades.last_id.reserve(most);
        trades.time_us.reserve(most);
        trades.buyer_maker.reserve(most);
        let agg_ids = trades.agg_id.spare_capacity_mut().as_mut_ptr().cast::<i64>();
        let prices = trades.price.spare_capacity_mut().as_mut_ptr().cast::<i64>();
        let volumes = trades.volume.spare_capacity_mut().as_mut_ptr().cast::<i64>();
        let first_ids = trades.first_id.spare_capacity_mut().as_mut_ptr().cast::<i64>();
        let last_ids = trades.last_id.spare_capacity_mut().as_mut_ptr().cast::<i64>();
        let times = trades.time_us.spare_capacity_mut().as_mut_ptr().cast::<i64>();
        let flags = trades.buyer_maker.spare_capacity_mut().as_mut_ptr();
        let (mut rows, mut used) = (0, 0);
        let mut unusual = false;
        while used + LINE_SEPARATORS <= separators.len() {
            let mut line = Line { text: text.as_ptr(), start: at, wrong: 0, highest: _mm_setzero_si128() };
            let mut next = used;
            // SAFETY: at most LINE_SEPARATORS are taken, and so many are there. They are places in the text, in order, the first
            // at or behind `at`, which is BEFORE or more; a field lies between two of them. A line has at least seven, so that
            // `rows` stays below `most`.
            unsafe {
                let mut separator = || {
                    next += 1;
                    *separators.get_unchecked(next - 1) as usize
                };
                let agg_id = line.whole(separator());
                let price = line.decimal(&mut separator);
                let volume = line.decimal(&mut separator);
                let first_id = line.whole(separator());
                let last_id = line.whole(separator());
                let time = line.whole(separator());
                let flag_end = separator();
                let flag = line.flag(flag_end);
                if expected.columns == 8 {
                    line.expect(flag_end, b',');
                    line.start = flag_end + 1;
                    let end = separator();
                    line.flag(end);
                    line.expect(end, b'\n');
                    line.start = end + 1;
                } else {
                    line.expect(flag_end, b'\n');
                    line.start = flag_end + 1;
                }
                // 16 digits in ms may wrap around, but only to below 0.
                let time_us = time.wrapping_mul(expected.time_scale);
                let within = time_us.wrapping_sub(expected.day_start_us);
                let sound = line.is_sound()
                    & (price > 0)
                    & (volume > 0)
                    & (last_id >= first_id)
                    & (0..expected.day_us).contains(&within);
                if !sound {
                    unusual = true;
                    break;
                }
                *agg_ids.add(rows) = agg_id;
                *prices.add(rows) = price;
                *volumes.add(rows) = volume;
                *first_ids.add(rows) = first_id;
                *last_ids.add(rows) = last_id;
                *times.add(rows) = time_us;
                flags.add(rows).write(MaybeUninit::new(flag));
            }
            rows += 1;
            used = next;
            at = line.start;
        }
        // SAFETY: so many have been written behind what there was.
        unsafe {
            trades.agg_id.set_len(had + rows);
            trades.price.set_len(had + rows);
            trades.volume.set_len(had + rows);
            trades.first_id.set_len(had + rows);
            trades.last_id.set_len(had + rows);
            trades.time_us.set_len(had + rows);
            trades.buyer_maker.set_len(had + rows);
        }
        (at, unusual)
    }

    /// A line in the making. Whatever is wrong is gathered and asked for once.
    struct Line {
        text: *const u8,
        /// Where the next field starts.
        start: usize,
        wrong: usize,
        /// The highest value that stood where a digit should.
        highest: __m128i,
    }

    impl Line {
        #[inline(always)]
        unsafe fn expect(&mut self, at: usize, byte: u8) {
            // SAFETY: the caller's.
            self.wrong |= usize::from(unsafe { *self.text.add(at) } ^ byte);
        }

        /// A number of 1 to 16 digits that ends at a comma.
        #[inline]
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        unsafe fn whole(&mut self, end: usize) -> i64 {
            let length = end.wrapping_sub(self.start);
            self.wrong |= length.wrapping_sub(1) >> 4;
            // SAFETY: the caller's, and the mask is one of 32.
            unsafe {
                self.expect(end, b',');
                let bytes = _mm_loadu_si128(self.text.add(end - 16).cast());
                let mask = _mm_loadu_si128(KEEP_LAST.get_unchecked(length & 31).as_ptr().cast());
                self.start = end + 1;
                self.sixteen_digits(_mm_and_si128(_mm_xor_si128(bytes, _mm_set1_epi8(b'0' as i8)), mask))
            }
        }

        /// 1 to 8 digits, and 1 to 8 behind a point if there is one, that end at a comma; as FP8.
        #[inline]
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        unsafe fn decimal(&mut self, mut separator: impl FnMut() -> usize) -> i64 {
            let zeros = u64::from_ne_bytes([b'0'; 8]);
            let point = separator();
            let length = point.wrapping_sub(self.start);
            self.wrong |= length.wrapping_sub(1) >> 3;
            // SAFETY: the caller's, and the masks are one of 32 and one of 16.
            unsafe {
                let whole = self.text.add(point - 8).cast::<u64>().read_unaligned() ^ zeros;
                let mask = KEEP_LAST.get_unchecked(length & 31).as_ptr().add(8).cast::<u64>().read_unaligned();
                let whole = whole & mask;
                let mut fraction = 0;
                let mut end = point;
                if *self.text.add(point) == b'.' {
                    end = separator();
                    let length = end.wrapping_sub(point + 1);
                    self.wrong |= length.wrapping_sub(1) >> 3;
                    fraction = self.text.add(point + 1).cast::<u64>().read_unaligned() ^ zeros;
                    fraction &= KEEP_FIRST.get_unchecked(length & 15);
                }
                self.expect(end, b',');
                self.start = end + 1;
                self.sixteen_digits(_mm_set_epi64x(fraction as i64, whole as i64))
            }
        }

        /// The value of 16 digits, each a byte of 0 … 9.
        #[inline]
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        fn sixteen_digits(&mut self, digits: __m128i) -> i64 {
            self.highest = _mm_max_epu8(self.highest, digits);
            let pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010A));
            let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x0001_0064));
            let eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x0001_2710));
            let both = _mm_cvtsi128_si64(eights) as u64;
            ((both & 0xFFFF_FFFF) * 100_000_000 + (both >> 32)) as i64
        }

        /// `True`, `true`, `False` or `false` up to `end`.
        #[inline]
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        unsafe fn flag(&mut self, end: usize) -> u8 {
            // SAFETY: the caller's: a line is followed by BEHIND bytes.
            let word = unsafe { self.text.add(self.start).cast::<u64>().read_unaligned() } | 0x20;
            let is_true = word & 0xFFFF_FFFF == u64::from(u32::from_le_bytes(*b"true"));
            let is_false = word & 0xFF_FFFF_FFFF == u64::from_le_bytes(*b"false\0\0\0");
            self.wrong |= usize::from(!(is_true | is_false));
            self.wrong |= end ^ (self.start + 5 - usize::from(is_true));
            u8::from(is_true)
        }

        #[inline]
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        fn is_sound(&self) -> bool {
            let above = _mm_subs_epu8(self.highest, _mm_set1_epi8(9));
            (self.wrong == 0) & (_mm_testz_si128(above, above) == 1)
        }
    }
}

#[cfg(test)]
mod tests;
