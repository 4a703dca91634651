//! The parsing side: batches of trades of one day, every row accounted for.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::inflate::{self, Entry, HEAD_BYTES, Link, Piece};
use super::row::{self, Row};
use super::source::Source;
use super::usual::{self, Expected};
use crate::calendar::DAY_US;
use crate::error::{CoreError, Result};
use crate::trade::TradeColumns;

/// Pieces on their way between the threads; with 1 MB of text each, or less, this bounds the memory.
const PIECES_IN_FLIGHT: usize = 12;
/// A line is shorter than this.
const LINE_BYTES: usize = 4 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// Below this a time is in milliseconds, above in microseconds.
const MILLISECONDS_BELOW: i64 = 10_000_000_000_000;

/// What an archive must be.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// SHA-256 of the whole file, from its `.CHECKSUM` line.
    pub sha256: Option<[u8; 32]>,
    pub symbol: String,
    /// `YYYY-MM-DD`
    pub day: String,
    /// Start of the day, µs.
    pub day_start_us: i64,
    pub max_inflated_bytes: u64,
}

/// Why a row cannot be a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GhostReason {
    PriceNotPositive,
    QuantityNotPositive,
    NegativeFillId,
}

impl GhostReason {
    pub fn name(self) -> &'static str {
        match self {
            Self::PriceNotPositive => "price_not_positive",
            Self::QuantityNotPositive => "quantity_not_positive",
            Self::NegativeFillId => "negative_fill_id",
        }
    }
}

/// A quarantined row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ghost {
    /// How many trades of the batch come before it.
    pub before: usize,
    pub agg_id: i64,
    pub line: u64,
    pub reason: GhostReason,
}

/// Trades in file order, and the rows among them that are none.
#[derive(Debug, Default)]
pub struct Batch {
    pub trades: TradeColumns,
    pub ghosts: Vec<Ghost>,
    /// Line of the first row.
    pub first_line: u64,
}

impl Batch {
    /// The line of a trade. Every line of a batch is a trade or a ghost.
    pub fn line_of(&self, trade: usize) -> u64 {
        let ghosts_before = self.ghosts.iter().filter(|ghost| ghost.before <= trade).count();
        self.first_line + trade as u64 + ghosts_before as u64
    }
}

/// What a file held, known once it has been read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub rows: u64,
    pub ghosts: u64,
    pub inflated_bytes: u64,
    pub sha256: [u8; 32],
}

/// Reads one archive. Rows are handed on while the file is still being hashed; a caller keeps nothing of them before
/// `next_batch` has returned `None`, which it does only when checksum, size and CRC have matched.
pub struct ArchiveReader {
    source: Source,
    name: String,
    options: ReadOptions,
    entry: Entry,
    pieces: Option<Receiver<Result<Piece>>>,
    used_text: SyncSender<Vec<u8>>,
    used_raw: SyncSender<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
    sha256: Sha256,
    crc32: crc32fast::Hasher,
    /// The unfinished line at the end of the last chunk.
    carry: Vec<u8>,
    columns: usize,
    time_scale: i64,
    line: u64,
    offset: u64,
    rows: u64,
    ghosts: u64,
    summary: Option<Summary>,
}

impl ArchiveReader {
    /// # Errors
    /// `FILE_UNREADABLE`, `ZIP_CORRUPT`, `ZIP_BOMB`, `WRONG_SYMBOL`, `CHECKSUM_MISMATCH`.
    pub fn open(path: &Path, options: ReadOptions) -> Result<Self> {
        Self::read(Source::File(path.to_owned()), options)
    }

    /// The same from a zip's bytes. `name` stands for the path in errors.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(name: &str, bytes: impl Into<Arc<[u8]>>, options: ReadOptions) -> Result<Self> {
        Self::read(Source::Bytes { name: name.to_owned(), bytes: bytes.into() }, options)
    }

    fn read(source: Source, options: ReadOptions) -> Result<Self> {
        let name = source.name();
        let (file, entry) = match inflate::open(&source).and_then(|opened| check_entry(opened, &options)) {
            Ok(opened) => opened,
            Err(error) => return Err(or_checksum(error, &source, &options).in_file(name)),
        };
        let (piece_sender, pieces) = sync_channel(PIECES_IN_FLIGHT);
        let (used_text, text_receiver) = sync_channel(PIECES_IN_FLIGHT);
        let (used_raw, raw_receiver) = sync_channel(PIECES_IN_FLIGHT);
        let link = Link { pieces: piece_sender, used_text: text_receiver, used_raw: raw_receiver };
        let thread_entry = entry.clone();
        let thread = std::thread::Builder::new()
            .name("inflate".to_owned())
            .spawn(move || inflate::run(file, &thread_entry, link))
            .map_err(|error| CoreError::new("NO_THREAD", format!("no thread could be started: {error}")))?;
        Ok(Self {
            source,
            name,
            options,
            entry,
            pieces: Some(pieces),
            used_text,
            used_raw,
            thread: Some(thread),
            sha256: Sha256::new(),
            crc32: crc32fast::Hasher::new(),
            carry: Vec::new(),
            columns: 0,
            time_scale: 0,
            line: 0,
            offset: 0,
            rows: 0,
            ghosts: 0,
            summary: None,
        })
    }

    /// Fills `batch` with the next chunk's rows; false when the file has been read and found good.
    ///
    /// # Errors
    /// Every code of [`ReadOptions`]' checks and of the rows, with file, line and byte offset of the inflated text.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<bool> {
        batch.trades.clear();
        batch.ghosts.clear();
        match self.read_batch(batch) {
            Ok(more) => Ok(more),
            Err(error) => {
                self.stop();
                Err(self.explain(error))
            }
        }
    }

    /// What was read; after the last batch.
    pub fn summary(&self) -> Option<Summary> {
        self.summary
    }

    /// An error about rows, as the checksum's error where that is wrong too, and with the file's name.
    pub fn explain(&self, error: CoreError) -> CoreError {
        or_checksum(error, &self.source, &self.options).in_file(&self.name)
    }

    /// The same archive from its start, for a caller that must know it to be good before it hands on any of it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn again(&self) -> Result<Self> {
        Self::read(self.source.clone(), self.options.clone())
    }

    fn read_batch(&mut self, batch: &mut Batch) -> Result<bool> {
        loop {
            let received = match &self.pieces {
                Some(pieces) => pieces.recv(),
                None => return Ok(false),
            };
            match received {
                Ok(Ok(Piece::Raw { buffer, len })) => {
                    self.sha256.update(Piece::raw(&buffer, len));
                    // A closed or full channel only means that the buffer is not used again.
                    drop(self.used_raw.try_send(buffer));
                }
                Ok(Ok(Piece::Text { buffer, len })) => {
                    self.parse_chunk(buffer, len, batch)?;
                    return Ok(true);
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    self.stop();
                    return self.finish(batch);
                }
            }
        }
    }

    fn parse_chunk(&mut self, mut buffer: Vec<u8>, len: usize, batch: &mut Batch) -> Result<()> {
        self.crc32.update(&buffer[HEAD_BYTES..HEAD_BYTES + len]);
        let start = HEAD_BYTES - self.carry.len();
        buffer[start..HEAD_BYTES].copy_from_slice(&self.carry);
        let end = HEAD_BYTES + len;
        let last_line_end = memchr::memrchr(b'\n', &buffer[HEAD_BYTES..end]).map(|at| HEAD_BYTES + at + 1);
        let Some(complete) = last_line_end else {
            self.carry.extend_from_slice(&buffer[HEAD_BYTES..end]);
            return self.check_carry();
        };
        self.parse_lines(&buffer, start, complete, batch)?;
        self.carry.clear();
        self.carry.extend_from_slice(&buffer[complete..end]);
        drop(self.used_text.try_send(buffer));
        self.check_carry()
    }

    fn check_carry(&self) -> Result<()> {
        if self.carry.len() < LINE_BYTES {
            return Ok(());
        }
        let error = CoreError::new("BAD_ROW", format!("a line is longer than {LINE_BYTES} bytes"));
        Err(error.at_line(self.line + 1).at_offset(self.offset))
    }

    /// Parses the whole lines of `buffer[start..end]`.
    fn parse_lines(&mut self, buffer: &[u8], start: usize, end: usize, batch: &mut Batch) -> Result<()> {
        let mut at = start;
        while at < end {
            if let Some(expected) = self.expected() {
                let had = batch.trades.len();
                let next = usual::append(buffer, at, end, expected, &mut batch.trades);
                let appended = (batch.trades.len() - had) as u64;
                if appended > 0 {
                    if had == 0 && batch.ghosts.is_empty() {
                        batch.first_line = self.line + 1;
                    }
                    self.rows += appended;
                    self.line += appended;
                    self.offset += (next - at) as u64;
                    at = next;
                    if at == end {
                        break;
                    }
                }
            }
            let (row, next) = if self.columns > 0
                && let Some(parsed) = row::parse_fast(buffer, at, self.columns)
            {
                parsed
            } else {
                let length = memchr::memchr(b'\n', &buffer[at..end]).unwrap_or(end - at);
                let next = (at + length + 1).min(end);
                let line = &buffer[at..at + length];
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                match self.careful_line(line)? {
                    Some(row) => (row, next),
                    None => {
                        self.advance(next - at);
                        at = next;
                        continue;
                    }
                }
            };
            self.accept(row, batch)?;
            self.advance(next - at);
            at = next;
        }
        Ok(())
    }

    /// What a usual line is like, once a line has been read.
    fn expected(&self) -> Option<Expected> {
        (self.time_scale != 0).then_some(Expected {
            columns: self.columns,
            time_scale: self.time_scale,
            day_start_us: self.options.day_start_us,
            day_us: DAY_US,
        })
    }

    fn advance(&mut self, bytes: usize) {
        self.line += 1;
        self.offset += bytes as u64;
    }

    /// A line that is not the usual: the first one, a header, or one that is wrong. None for a header.
    fn careful_line(&mut self, line: &[u8]) -> Result<Option<Row>> {
        if self.columns == 0 {
            if line.starts_with(BYTE_ORDER_MARK) {
                return Err(self.here(CoreError::new("BAD_ROW", "the file begins with a byte order mark")));
            }
            self.columns = line.iter().filter(|&&byte| byte == b',').count() + 1;
            if !(7..=8).contains(&self.columns) {
                let message = format!("{} columns, 7 or 8 were expected", self.columns);
                return Err(self.here(CoreError::new("BAD_ROW", message)));
            }
            if row::is_header(line) {
                std::str::from_utf8(line).map_err(|_| {
                    self.here(CoreError::new("NOT_UTF8", "the header line is not text (invalid UTF-8)"))
                })?;
                return Ok(None);
            }
        }
        row::parse_careful(line, self.columns).map(Some).map_err(|error| self.here(error))
    }

    /// Adds where in the text an error is; an offset it has is within the current line.
    fn here(&self, error: CoreError) -> CoreError {
        let within = error.offset.unwrap_or(0);
        error.at_line(self.line + 1).at_offset(self.offset + within)
    }

    #[inline(always)]
    fn accept(&mut self, row: Row, batch: &mut Batch) -> Result<()> {
        if batch.trades.is_empty() && batch.ghosts.is_empty() {
            batch.first_line = self.line + 1;
        }
        self.rows += 1;
        if row.price <= 0 || row.volume <= 0 || row.first_id < 0 {
            self.quarantine(&row, batch);
            return Ok(());
        }
        if row.last_id < row.first_id || row.agg_id < 0 {
            let message = format!("fills {} … {} of aggregate {} cannot be", row.first_id, row.last_id, row.agg_id);
            return Err(self.here(CoreError::new("BAD_ROW", message)));
        }
        if self.time_scale == 0 {
            self.time_scale = if row.time < MILLISECONDS_BELOW { 1_000 } else { 1 };
        }
        let time_us = row.time.checked_mul(self.time_scale).unwrap_or(i64::MAX);
        let within = time_us.wrapping_sub(self.options.day_start_us);
        if !(0..DAY_US).contains(&within) {
            let message = format!("time {} is not on {}", row.time, self.options.day);
            return Err(self.here(CoreError::new("TIME_OUTSIDE_DAY", message)));
        }
        let trades = &mut batch.trades;
        trades.agg_id.push(row.agg_id);
        trades.price.push(row.price);
        trades.volume.push(row.volume);
        trades.first_id.push(row.first_id);
        trades.last_id.push(row.last_id);
        trades.time_us.push(time_us);
        trades.buyer_maker.push(row.buyer_maker);
        Ok(())
    }

    #[cold]
    fn quarantine(&mut self, row: &Row, batch: &mut Batch) {
        self.ghosts += 1;
        let reason = if row.price <= 0 {
            GhostReason::PriceNotPositive
        } else if row.volume <= 0 {
            GhostReason::QuantityNotPositive
        } else {
            GhostReason::NegativeFillId
        };
        batch.ghosts.push(Ghost { before: batch.trades.len(), agg_id: row.agg_id, line: self.line + 1, reason });
    }

    /// The text is over: a last line without its end, then the file's own promises.
    fn finish(&mut self, batch: &mut Batch) -> Result<bool> {
        if !self.carry.is_empty() {
            let carry = std::mem::take(&mut self.carry);
            let buffer = [&[0; usual::BEFORE][..], &carry, &[0; inflate::TAIL_BYTES]].concat();
            self.parse_lines(&buffer, usual::BEFORE, usual::BEFORE + carry.len(), batch)?;
        }
        let sha256: [u8; 32] = self.sha256.clone().finalize().into();
        check_sha256(&sha256, &self.options)?;
        let crc32 = self.crc32.clone().finalize();
        if crc32 != self.entry.crc32 {
            let message =
                format!("the archive is corrupt: CRC {crc32:08x}, its directory says {:08x}", self.entry.crc32);
            return Err(CoreError::new("ZIP_CORRUPT", message));
        }
        if self.rows == 0 {
            return Err(CoreError::new("EMPTY_FILE", "the archive holds no rows"));
        }
        self.summary =
            Some(Summary { rows: self.rows, ghosts: self.ghosts, inflated_bytes: self.entry.inflated_bytes, sha256 });
        Ok(!batch.trades.is_empty() || !batch.ghosts.is_empty())
    }

    fn stop(&mut self) {
        // Dropping the receiver is what ends a thread that waits to send.
        self.pieces = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was already seen as a closed channel; the size check then refuses the file.
            drop(thread.join());
        }
    }
}

impl Drop for ArchiveReader {
    fn drop(&mut self) {
        self.stop();
    }
}

fn check_entry<T>((file, entry): (T, Entry), options: &ReadOptions) -> Result<(T, Entry)> {
    let expected = format!("{}-aggTrades-{}.csv", options.symbol, options.day);
    if entry.name != expected {
        let message = format!("the archive holds {}, expected was {expected}", entry.name);
        return Err(CoreError::new("WRONG_SYMBOL", message));
    }
    if entry.inflated_bytes > options.max_inflated_bytes {
        let message = format!(
            "the archive declares {} bytes of text, more than the {} allowed",
            entry.inflated_bytes, options.max_inflated_bytes
        );
        return Err(CoreError::new("ZIP_BOMB", message));
    }
    Ok((file, entry))
}

/// A file whose checksum is wrong is reported as that, whatever its bytes then did.
fn or_checksum(error: CoreError, source: &Source, options: &ReadOptions) -> CoreError {
    if options.sha256.is_none() || error.code == "CHECKSUM_MISMATCH" {
        return error;
    }
    match hash_all(source).and_then(|actual| check_sha256(&actual, options)) {
        Err(mismatch) if mismatch.code == "CHECKSUM_MISMATCH" => mismatch,
        _ => error,
    }
}

fn hash_all(source: &Source) -> Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut source.open()?, &mut hasher)
        .map_err(|error| CoreError::new("FILE_UNREADABLE", format!("cannot be read: {error}")))?;
    Ok(hasher.finalize().into())
}

fn check_sha256(actual: &[u8; 32], options: &ReadOptions) -> Result<()> {
    match &options.sha256 {
        Some(expected) if expected != actual => Err(CoreError::new(
            "CHECKSUM_MISMATCH",
            format!("its SHA-256 is {}, its checksum file says {}", hex(actual), hex(expected)),
        )),
        _ => Ok(()),
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
