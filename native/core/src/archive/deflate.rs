//! Raw deflate (RFC 1951) to text, piece by piece in bounded memory, faster than libdeflate does it in one piece.
//!
//! The well-kept inflaters were measured first, on an archive of five million trades: libdeflate takes 44 ns per trade and
//! wants the whole text in memory, zlib-rs 62, zlib-ng 79, zune-inflate 98, ISA-L needs an assembler to build; this takes 34.
//! What zlib refuses is refused here: the tests hold it against zlib-rs.
//!
//! The loop is libdeflate's: 64 bits of input at hand, one table look-up per symbol that says how many bits to drop. Beyond
//! that, an entry may hold a literal and the length behind it, for a guess whether a literal or a match comes next is what
//! costs most; and a match is copied as four words whatever its length. Bounds are checked once per round, hence the margins.

/// Bytes that must be readable behind the input's end when it is the last: they stand for "nothing", their values do not matter.
pub const INPUT_PAD: usize = 2 * HEADER_MARGIN;
/// Bytes that are written, at most, behind the limit that a caller sets for the output.
pub const OUTPUT_SLACK: usize = 512;
/// How far back a match reaches.
pub const WINDOW_BYTES: usize = 32 << 10;
/// No more input than this is left over when a call asks for more.
pub const LEFT_OVER_MAX: usize = HEADER_MARGIN + 8;

/// More than the longest header of a block: 17 bits, 19 × 3 bits, 320 × 14 bits.
const HEADER_MARGIN: usize = 1 << 10;
/// More than one round of the fast loop reads.
const ROUND_MARGIN: usize = 32;

const LITLEN_BITS: u32 = 11;
const DISTANCE_BITS: u32 = 8;
/// The tables with their subtables need 2342 and 402; powers of two let a mask stand for the check of bounds.
const LITLEN_ENTRIES: usize = 4096;
const DISTANCE_ENTRIES: usize = 512;

// An entry's lowest six bits: how many bits to drop, extra bits included. Bits 8 to 12: how many of them are code, or a
// subtable's index bits. Bits 16 up: a distance's base, or where a subtable begins, or a length less three, with a literal
// before it in the highest byte.
const HAS_LITERAL: u32 = 1 << HAS_LITERAL_BIT;
const HAS_LITERAL_BIT: u32 = 6;
const NO_LENGTH: u32 = 1 << 7;
const EXCEPTION: u32 = 1 << 15;
const SUBTABLE: u32 = 1 << 14;
const BLOCK_END: u32 = 1 << 13;
const INVALID: u32 = EXCEPTION;

const LENGTH_BASE: [u16; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_EXTRA: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const LENGTH_CODE_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What an entry of the litlen table says besides how many bits to drop, and how many extra bits follow the code.
const LITLEN_MEANING: [(u32, u8); 288] = {
    let mut meaning = [(INVALID, 0); 288];
    let mut symbol = 0;
    while symbol < 286 {
        meaning[symbol] = match symbol {
            0..256 => ((symbol as u32) << 24 | HAS_LITERAL | NO_LENGTH, 0),
            256 => (EXCEPTION | BLOCK_END, 0),
            _ => ((LENGTH_BASE[symbol - 257] as u32 - 3) << 16, LENGTH_EXTRA[symbol - 257]),
        };
        symbol += 1;
    }
    meaning
};

const DISTANCE_MEANING: [(u32, u8); 32] = {
    let mut meaning = [(INVALID, 0); 32];
    let mut symbol = 0;
    while symbol < 30 {
        let extra = if symbol < 4 { 0 } else { (symbol as u32 - 2) / 2 };
        let base = if symbol < 4 { 1 + symbol as u32 } else { 1 + ((2 + (symbol as u32 & 1)) << extra) };
        meaning[symbol] = (base << 16, extra as u8);
        symbol += 1;
    }
    meaning
};

const LENGTH_CODE_MEANING: [(u32, u8); 19] = {
    let mut meaning = [(0, 0); 19];
    let mut symbol = 0;
    while symbol < 19 {
        meaning[symbol] = ((symbol as u32) << 16, 0);
        symbol += 1;
    }
    meaning
};

/// Why a call came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The input is used up but for at most [`LEFT_OVER_MAX`] bytes, which must come first in the next call's.
    NeedInput,
    /// The output has reached its limit.
    NeedOutput,
    /// The last block is over.
    End,
}

/// What is wrong with the compressed text.
pub type Fault = &'static str;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Stored(usize),
    Coded,
    End,
}

/// The input of one call.
pub struct Input<'a> {
    /// When `last`, `end` is followed by [`INPUT_PAD`] more bytes.
    pub bytes: &'a [u8],
    pub end: usize,
    pub last: bool,
    /// The first byte of which nothing has been used.
    pub at: usize,
}

/// The output of one call.
pub struct Output<'a> {
    pub bytes: &'a mut [u8],
    /// The first byte of what has been written so far, or of its last 32 KB.
    pub begin: usize,
    /// Where to write next.
    pub at: usize,
    /// Comes back once `at` is here or up to [`OUTPUT_SLACK`] bytes beyond.
    pub limit: usize,
}

pub struct Inflate {
    place: Place,
    final_block: bool,
    /// At most seven bits between calls.
    bits: Bits,
    litlen: Box<[u32; LITLEN_ENTRIES]>,
    distance: Box<[u32; DISTANCE_ENTRIES]>,
}

/// Input at hand: the lowest `count` bits of `buffer` have not been used. Above them lie bits that the next refill reads again.
#[derive(Clone, Copy, Default)]
struct Bits {
    buffer: u64,
    count: u32,
}

impl Inflate {
    pub fn new() -> Self {
        Self {
            place: Place::Header,
            final_block: false,
            bits: Bits::default(),
            litlen: Box::new([INVALID; LITLEN_ENTRIES]),
            distance: Box::new([INVALID; DISTANCE_ENTRIES]),
        }
    }

    /// Goes on until it lacks input or room, or is done.
    ///
    /// # Errors
    /// What is wrong with the compressed text.
    pub fn run(&mut self, input: &mut Input<'_>, output: &mut Output<'_>) -> Result<Outcome, Fault> {
        assert!(input.bytes.len() >= input.end + if input.last { INPUT_PAD } else { 0 } && input.at <= input.end);
        assert!(output.begin <= output.at && output.bytes.len() >= output.limit + OUTPUT_SLACK);
        let outcome = self.blocks(input, output);
        self.give_back(input);
        if input.at > input.end {
            return Err("the compressed text ends in the middle");
        }
        outcome
    }

    /// Puts whole unused bytes back.
    fn give_back(&mut self, input: &mut Input<'_>) {
        input.at -= (self.bits.count >> 3) as usize;
        self.bits.count &= 7;
        self.bits.buffer &= (1 << self.bits.count) - 1;
    }

    fn blocks(&mut self, input: &mut Input<'_>, output: &mut Output<'_>) -> Result<Outcome, Fault> {
        let readable = if input.last { input.end + INPUT_PAD } else { input.end };
        loop {
            match self.place {
                Place::End => return Ok(Outcome::End),
                Place::Header => {
                    if input.at + HEADER_MARGIN > readable {
                        return Ok(Outcome::NeedInput);
                    }
                    self.header(input)?;
                }
                Place::Stored(left) => {
                    if left > 0 && output.at >= output.limit {
                        return Ok(Outcome::NeedOutput);
                    }
                    let count =
                        left.min(output.limit.saturating_sub(output.at)).min(input.end.saturating_sub(input.at));
                    output.bytes[output.at..output.at + count]
                        .copy_from_slice(&input.bytes[input.at..input.at + count]);
                    output.at += count;
                    input.at += count;
                    if count == left {
                        self.block_over();
                    } else {
                        self.place = Place::Stored(left - count);
                        if input.at >= input.end {
                            let ended = Err("the compressed text ends in the middle");
                            return if input.last { ended } else { Ok(Outcome::NeedInput) };
                        }
                    }
                }
                Place::Coded => match coded(self, input, output, readable)? {
                    Round::BlockOver => self.block_over(),
                    Round::Paused if output.at >= output.limit => return Ok(Outcome::NeedOutput),
                    Round::Paused => return Ok(Outcome::NeedInput),
                },
            }
        }
    }

    fn block_over(&mut self) {
        self.place = if self.final_block { Place::End } else { Place::Header };
    }

    /// Takes `count` ≤ 16 bits. Only within a header, whose bytes are all readable.
    fn take(&mut self, input: &mut Input<'_>, count: u32) -> u32 {
        self.refill(input);
        let value = self.bits.buffer as u32 & ((1 << count) - 1);
        self.drop_bits(count);
        value
    }

    fn refill(&mut self, input: &mut Input<'_>) {
        let mut word = [0; 8];
        word.copy_from_slice(&input.bytes[input.at..input.at + 8]);
        self.bits.buffer |= u64::from_le_bytes(word) << self.bits.count;
        input.at += ((63 - self.bits.count) >> 3) as usize;
        self.bits.count |= 56;
    }

    fn drop_bits(&mut self, count: u32) {
        self.bits.buffer >>= count;
        self.bits.count -= count;
    }

    fn header(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        self.final_block = self.take(input, 1) == 1;
        match self.take(input, 2) {
            0 => {
                // The rest of the byte says nothing; whole bytes go back.
                let rest = self.bits.count & 7;
                self.drop_bits(rest);
                self.give_back(input);
                let (length, complement) = (self.take(input, 16), self.take(input, 16));
                if length != complement ^ 0xFFFF {
                    return Err("a stored block's length is wrong");
                }
                self.give_back(input);
                self.place = Place::Stored(length as usize);
            }
            1 => {
                let mut lengths = [8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                fill_table(&mut self.litlen[..], LITLEN_BITS, &lengths, &LITLEN_MEANING, false)?;
                fill_table(&mut self.distance[..], DISTANCE_BITS, &[5; 32], &DISTANCE_MEANING, false)?;
                pair_literals(&mut self.litlen);
                self.place = Place::Coded;
            }
            2 => {
                self.dynamic_tables(input)?;
                self.place = Place::Coded;
            }
            _ => return Err("a block is of no known kind"),
        }
        Ok(())
    }

    fn dynamic_tables(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        let litlens = self.take(input, 5) as usize + 257;
        let distances = self.take(input, 5) as usize + 1;
        let length_codes = self.take(input, 4) as usize + 4;
        if litlens > 286 || distances > 30 {
            return Err("a block has too many codes");
        }
        let mut code_lengths = [0; 19];
        for &symbol in &LENGTH_CODE_ORDER[..length_codes] {
            code_lengths[symbol] = self.take(input, 3) as u8;
        }
        let mut code_table = [INVALID; 128];
        fill_table(&mut code_table, 7, &code_lengths, &LENGTH_CODE_MEANING, false)?;
        let mut lengths = [0_u8; 286 + 30];
        let total = litlens + distances;
        let mut filled = 0;
        while filled < total {
            self.refill(input);
            let entry = code_table[self.bits.buffer as usize & 127];
            self.drop_bits(entry & 0x3F);
            let symbol = entry >> 16;
            let (value, repeats) = match symbol {
                0..16 => (symbol as u8, 1),
                16 if filled == 0 => return Err("a code's length repeats one that is not there"),
                16 => (lengths[filled - 1], 3 + self.take(input, 2)),
                17 => (0, 3 + self.take(input, 3)),
                _ => (0, 11 + self.take(input, 7)),
            };
            let end = filled + repeats as usize;
            if end > total {
                return Err("a block has too many codes' lengths");
            }
            lengths[filled..end].fill(value);
            filled = end;
        }
        if lengths[256] == 0 {
            return Err("a block has no end");
        }
        fill_table(&mut self.litlen[..], LITLEN_BITS, &lengths[..litlens], &LITLEN_MEANING, true)?;
        pair_literals(&mut self.litlen);
        fill_table(&mut self.distance[..], DISTANCE_BITS, &lengths[litlens..total], &DISTANCE_MEANING, true)
    }
}

/// Fills a table, and the subtables behind it, from the lengths of the codes. `lone` permits a single code of one bit, or none at all.
fn fill_table(
    table: &mut [u32],
    table_bits: u32,
    lengths: &[u8],
    meaning: &[(u32, u8)],
    lone: bool,
) -> Result<(), Fault> {
    let mut counts = [0_usize; 16];
    for &length in lengths {
        counts[usize::from(length)] += 1;
    }
    let used: usize = (1..16).map(|length| counts[length] << (15 - length)).sum();
    counts[0] = 0;
    let codes: usize = counts.iter().sum();
    if used > 1 << 15 {
        return Err("a block's codes are too many for their lengths");
    }
    if used < 1 << 15 {
        if !lone || codes > 1 || codes != counts[1] {
            return Err("a block's codes are too few for their lengths");
        }
        table[..1 << table_bits].fill(INVALID | 1);
    }
    // Symbols by length of code, then by value.
    let mut starts = [0_usize; 16];
    for length in 1..15 {
        starts[length + 1] = starts[length] + counts[length];
    }
    let mut sorted = [0_u16; 288];
    for (symbol, &length) in lengths.iter().enumerate() {
        if length > 0 {
            sorted[starts[usize::from(length)]] = symbol as u16;
            starts[usize::from(length)] += 1;
        }
    }
    // Codes in order; `code` is bit-reversed, as it comes from the input.
    let mut code = 0_usize;
    let mut next = 0;
    let entry_of = |symbol: u16, dropped: u32, length: u32| {
        let (what, extra) = meaning[usize::from(symbol)];
        what | (length - dropped) << 8 | (length - dropped + u32::from(extra))
    };
    // The part of the table that is filled doubles with every bit.
    for length in 1..=table_bits {
        let size = 1 << length;
        if length > 1 {
            table.copy_within(..size / 2, size / 2);
        } else if used == 1 << 15 {
            table[..2].fill(INVALID | 1);
        }
        for _ in 0..counts[length as usize] {
            table[code] = entry_of(sorted[next], 0, length);
            next += 1;
            code = following(code, length);
        }
    }
    if used < 1 << 15 || next == codes {
        return Ok(());
    }
    // Longer codes: subtables of as many bits as the codes that share their beginning need.
    let mut free = 1 << table_bits;
    let (mut prefix, mut start, mut sub_bits) = (usize::MAX, 0, 0);
    for length in table_bits + 1..=15 {
        let mut left = counts[length as usize];
        while left > 0 {
            let own_prefix = code & ((1 << table_bits) - 1);
            if own_prefix != prefix {
                prefix = own_prefix;
                start = free;
                sub_bits = length - table_bits;
                let mut space = left;
                while space < 1 << sub_bits && table_bits + sub_bits < 15 {
                    sub_bits += 1;
                    space = (space << 1) + counts[(table_bits + sub_bits) as usize];
                }
                free += 1 << sub_bits;
                table[prefix] = EXCEPTION | SUBTABLE | (start as u32) << 16 | sub_bits << 8 | table_bits;
            }
            let entry = entry_of(sorted[next], table_bits, length);
            let stride = 1 << (length - table_bits);
            let subtable = &mut table[start..start + (1 << sub_bits)];
            subtable.iter_mut().skip(code >> table_bits).step_by(stride).for_each(|slot| *slot = entry);
            next += 1;
            left -= 1;
            code = following(code, length);
        }
    }
    Ok(())
}

/// Where a literal's code leaves room for a whole length's code behind it, one entry says both.
fn pair_literals(table: &mut [u32; LITLEN_ENTRIES]) {
    // Downwards: what is looked up lies below and is still as it was.
    for index in (0..1 << LITLEN_BITS).rev() {
        let first = table[index];
        let bits = first & 63;
        let second = table[index >> bits];
        let code_bits = (second >> 8) & 0x1F;
        if first & NO_LENGTH != 0 && second & (NO_LENGTH | EXCEPTION) == 0 && bits + code_bits <= LITLEN_BITS {
            table[index] = (first & 0xFF00_0000) | HAS_LITERAL | (second + (bits << 8) + bits);
        }
    }
}

/// The code after a bit-reversed one of this length; the same code, with zeros behind, when codes get longer.
fn following(code: usize, length: u32) -> usize {
    let all = (1_usize << length) - 1;
    if code == all {
        return code;
    }
    // The highest zero becomes one, the ones above it zeros.
    let bit = 1 << (code ^ all).ilog2();
    (code & (bit - 1)) | bit
}

enum Round {
    BlockOver,
    /// Lacks input or room.
    Paused,
}

const BAD_CODE: Fault = "a code means nothing";

/// The fast loop, for this processor.
fn coded(state: &mut Inflate, input: &mut Input<'_>, output: &mut Output<'_>, readable: usize) -> Result<Round, Fault> {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "bmi1,bmi2")]
        fn bmi2(
            state: &mut Inflate,
            input: &mut Input<'_>,
            output: &mut Output<'_>,
            readable: usize,
        ) -> Result<Round, Fault> {
            coded_body(state, input, output, readable)
        }
        if is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2") {
            // SAFETY: the processor has every feature the function was built for.
            return unsafe { bmi2(state, input, output, readable) };
        }
    }
    coded_body(state, input, output, readable)
}

/// Decodes until the block ends, or less than [`ROUND_MARGIN`] bytes of input are readable, or the output's limit is reached.
#[inline(always)]
fn coded_body(
    state: &mut Inflate,
    input: &mut Input<'_>,
    output: &mut Output<'_>,
    readable: usize,
) -> Result<Round, Fault> {
    assert!(readable <= input.bytes.len() && output.bytes.len() >= output.limit + OUTPUT_SLACK);
    if readable < ROUND_MARGIN || input.at > readable - ROUND_MARGIN || output.at >= output.limit {
        return Ok(Round::Paused);
    }
    let (litlen, distances) = (&*state.litlen, &*state.distance);
    let source = input.bytes.as_ptr();
    let target = output.bytes.as_mut_ptr();
    let (last_at, limit, begin) = (readable - ROUND_MARGIN, output.limit, output.begin);
    let (mut at, mut out) = (input.at, output.at);
    let Bits { mut buffer, mut count } = state.bits;

    // SAFETY of every use: a round begins with `at` ≤ `readable` − ROUND_MARGIN and reads at most three times, 8 bytes each,
    // `at` moving by at most 7 in between: 14 + 8 < ROUND_MARGIN.
    macro_rules! refill {
        () => {
            buffer |= u64::from_le(unsafe { source.add(at).cast::<u64>().read_unaligned() }) << (count & 63);
            at += 7 - ((count >> 3) & 7) as usize;
            count |= 56;
        };
    }
    // The bits that an entry covers; only the lowest six bits of `count` mean anything from here on.
    macro_rules! consume {
        ($entry:expr) => {
            buffer >>= $entry & 63;
            count = count.wrapping_sub($entry);
        };
    }
    macro_rules! look_up {
        () => {
            litlen[buffer as usize & ((1 << LITLEN_BITS) - 1)]
        };
    }
    refill!();
    let mut entry = look_up!();
    // SAFETY of every use: a round begins with `out` < `limit` and writes at most two literals and a match of at most 258
    // bytes, which overshoots by less than 32: within OUTPUT_SLACK.
    macro_rules! put_literal {
        () => {
            unsafe { *target.add(out) = (entry >> 24) as u8 };
            out += ((entry >> HAS_LITERAL_BIT) & 1) as usize;
        };
    }
    let extra = |saved: u64, entry: u32| ((saved & ((1 << (entry & 63)) - 1)) >> ((entry >> 8) & 0x1F)) as usize;

    let round = loop {
        // 56 bits or more are at hand.
        let mut saved = buffer;
        consume!(entry);
        put_literal!();
        if entry & (NO_LENGTH | EXCEPTION) != 0 {
            if entry & SUBTABLE != 0 {
                let index = (entry >> 16) as usize + (buffer & ((1 << ((entry >> 8) & 0x1F)) - 1)) as usize;
                entry = litlen[index & (LITLEN_ENTRIES - 1)];
                saved = buffer;
                consume!(entry);
                put_literal!();
            }
            if entry & EXCEPTION != 0 {
                break if entry & BLOCK_END != 0 { Ok(Round::BlockOver) } else { Err(BAD_CODE) };
            }
            refill!();
            if entry & NO_LENGTH != 0 {
                entry = look_up!();
                if at > last_at || out >= limit {
                    break Ok(Round::Paused);
                }
                continue;
            }
        }
        // With 16 bits used at most, or none since the refill, a distance's 28 and the next look-up's 11 are there.
        let length = ((entry >> 16) & 0xFF) as usize + 3 + extra(saved, entry);
        entry = distances[buffer as usize & ((1 << DISTANCE_BITS) - 1)];
        if entry & EXCEPTION != 0 {
            if entry & SUBTABLE == 0 {
                break Err(BAD_CODE);
            }
            consume!(entry & 63);
            let index = (entry >> 16) as usize + (buffer & ((1 << ((entry >> 8) & 0x1F)) - 1)) as usize;
            entry = distances[index & (DISTANCE_ENTRIES - 1)];
            if entry & EXCEPTION != 0 {
                break Err(BAD_CODE);
            }
        }
        saved = buffer;
        consume!(entry);
        let distance = (entry >> 16) as usize + extra(saved, entry);
        if distance > out - begin {
            break Err("a match reaches back before the text");
        }
        entry = look_up!();
        refill!();
        // SAFETY: the source begins at or behind `begin`, for the target see `put_literal`.
        unsafe { copy_match(target.add(out), distance, length) };
        out += length;
        if at > last_at || out >= limit {
            break Ok(Round::Paused);
        }
    };
    state.bits = Bits { buffer, count: count & 63 };
    (input.at, output.at) = (at, out);
    round
}

/// Copies `length` ≤ 258 bytes from `distance` before `to` to it, byte after byte as it were.
///
/// # Safety
/// `distance` bytes before `to` must be readable and `length` + 32 bytes from it on writable.
#[inline(always)]
unsafe fn copy_match(to: *mut u8, distance: usize, length: usize) {
    // SAFETY: nothing is read or written but what the caller vouches for.
    unsafe {
        let end = to.add(length);
        let mut to = to;
        let mut from = to.sub(distance);
        if distance >= 8 {
            // Nearly every match fits: four words without a question.
            for step in [0, 8, 16, 24] {
                to.add(step).cast::<u64>().write_unaligned(from.add(step).cast::<u64>().read_unaligned());
            }
            while length > 32 && to.add(32) < end {
                (from, to) = (from.add(32), to.add(32));
                for step in [0, 8, 16, 24] {
                    to.add(step).cast::<u64>().write_unaligned(from.add(step).cast::<u64>().read_unaligned());
                }
            }
        } else if distance == 1 {
            let word = u64::from(*from) * 0x0101_0101_0101_0101;
            while to < end {
                to.cast::<u64>().write_unaligned(word);
                to = to.add(8);
            }
        } else {
            // The first `distance` bytes of each word are right, and the next word begins behind them.
            while to < end {
                to.cast::<u64>().write_unaligned(from.cast::<u64>().read_unaligned());
                (from, to) = (from.add(distance), to.add(distance));
            }
        }
    }
}

#[cfg(test)]
mod tests;
