//! The inflating thread: reads the file from first byte to last, hands its raw bytes on to be hashed and its text to be parsed.

use std::io::SeekFrom;
use std::sync::mpsc::{Receiver, SyncSender};

use zip::CompressionMethod;

use super::deflate::{INPUT_PAD, Inflate, Input, LEFT_OVER_MAX, OUTPUT_SLACK, Outcome, Output, WINDOW_BYTES};
use super::source::{Bytes, Source};
use super::usual;
use crate::error::{CoreError, Result};

/// Bytes of text per chunk; a match may take a chunk a little beyond.
const CHUNK_BYTES: usize = 1024 << 10;
/// Bytes before a chunk's text: the text before it, to which matches reach back. The unfinished line is at their end.
pub const HEAD_BYTES: usize = WINDOW_BYTES;
/// Readable bytes behind a chunk's text, so that many can be loaded at once anywhere in it.
pub const TAIL_BYTES: usize = usual::BEHIND;
const RAW_BYTES: usize = 256 << 10;

/// Where the one entry lies and what the directory says of it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub inflated_bytes: u64,
    pub crc32: u32,
    data_start: u64,
    compressed_bytes: u64,
    deflated: bool,
}

/// What the inflating thread sends.
pub enum Piece {
    /// Bytes of the file as they lie on disk, in order: `buffer[LEFT_OVER_MAX..][..len]`.
    Raw { buffer: Vec<u8>, len: usize },
    /// `HEAD_BYTES`, then the text, then `TAIL_BYTES` zeros.
    Text { buffer: Vec<u8>, len: usize },
}

impl Piece {
    /// The bytes that a raw piece holds.
    pub fn raw(buffer: &[u8], len: usize) -> &[u8] {
        &buffer[LEFT_OVER_MAX..LEFT_OVER_MAX + len]
    }
}

/// Both ways between the threads.
pub struct Link {
    pub pieces: SyncSender<Result<Piece>>,
    /// Buffers that the parser is done with.
    pub used_text: Receiver<Vec<u8>>,
    pub used_raw: Receiver<Vec<u8>>,
}

fn corrupt(what: impl std::fmt::Display) -> CoreError {
    CoreError::new("ZIP_CORRUPT", format!("the archive is corrupt: {what}"))
}

/// Reads the directory. The archive must hold exactly one file.
///
/// # Errors
/// `FILE_UNREADABLE`, `ZIP_CORRUPT`.
pub fn open(source: &Source) -> Result<(Box<dyn Bytes>, Entry)> {
    let mut file = source.open()?;
    let mut archive = zip::ZipArchive::new(&mut file).map_err(corrupt)?;
    if archive.len() != 1 {
        return Err(corrupt(format!("it holds {} files, one was expected", archive.len())));
    }
    let inner = archive.by_index_raw(0).map_err(corrupt)?;
    let deflated = match inner.compression() {
        CompressionMethod::Deflated => true,
        CompressionMethod::Stored => false,
        other => return Err(corrupt(format!("compression {other} is not supported"))),
    };
    let entry = Entry {
        name: inner.name().to_owned(),
        inflated_bytes: inner.size(),
        crc32: inner.crc32(),
        data_start: inner.data_start().ok_or_else(|| corrupt("its entry has no data"))?,
        compressed_bytes: inner.compressed_size(),
        deflated,
    };
    drop(inner);
    Ok((file, entry))
}

/// The thread's whole work. Ends early, and silently, when the receiver is gone.
pub fn run(file: Box<dyn Bytes>, entry: &Entry, link: Link) {
    let mut sender = Sender { file, link, text: Vec::new(), begin: HEAD_BYTES, end: HEAD_BYTES };
    if let Err(Stop::Failed(error)) = sender.send_all(entry) {
        // A closed channel means that the reader was dropped: nobody is left to tell.
        drop(sender.link.pieces.send(Err(error)));
    }
}

enum Stop {
    /// Nobody listens any more.
    Gone,
    Failed(CoreError),
}

impl From<CoreError> for Stop {
    fn from(error: CoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(CoreError::new("FILE_UNREADABLE", format!("cannot be read: {error}")))
    }
}

struct Sender {
    file: Box<dyn Bytes>,
    link: Link,
    /// The chunk in the making: `begin..HEAD_BYTES` is the text before it, `HEAD_BYTES..end` its own.
    text: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Sender {
    fn send_all(&mut self, entry: &Entry) -> std::result::Result<(), Stop> {
        self.text = self.new_text();
        self.file.seek(SeekFrom::Start(0))?;
        self.copy_raw(entry.data_start)?;
        if entry.deflated {
            self.inflate(entry)?
        } else {
            self.copy_stored(entry)?
        }
        if self.end > HEAD_BYTES {
            self.send_text()?;
        }
        self.copy_raw(u64::MAX)
    }

    fn inflate(&mut self, entry: &Entry) -> std::result::Result<(), Stop> {
        let mut inflate = Inflate::new();
        let mut left = entry.compressed_bytes;
        let mut produced = 0;
        // What was left over of the input before, to come first.
        let mut rest = [0; LEFT_OVER_MAX];
        let mut rest_len = 0;
        loop {
            let mut raw = self.new_raw();
            let len = self.read_raw(&mut raw, &mut left)?;
            let begin = LEFT_OVER_MAX - rest_len;
            raw[begin..LEFT_OVER_MAX].copy_from_slice(&rest[..rest_len]);
            let mut input = Input { bytes: &raw, at: begin, end: LEFT_OVER_MAX + len, last: left == 0 };
            let outcome = loop {
                let limit = HEAD_BYTES + CHUNK_BYTES;
                let mut output = Output { bytes: &mut self.text, begin: self.begin, at: self.end, limit };
                let outcome = inflate.run(&mut input, &mut output).map_err(corrupt)?;
                produced += (output.at - self.end) as u64;
                self.end = output.at;
                check_size(produced, entry)?;
                if outcome != Outcome::NeedOutput {
                    break outcome;
                }
                self.send_text()?;
            };
            if outcome == Outcome::End && (input.at < input.end || left > 0) {
                return Err(corrupt("data goes on behind the end of the compressed text").into());
            }
            rest_len = input.end - input.at;
            rest[..rest_len].copy_from_slice(&raw[input.at..input.end]);
            self.send(Piece::Raw { buffer: raw, len })?;
            if outcome == Outcome::End {
                return Ok(check_whole(produced, entry)?);
            }
        }
    }

    fn copy_stored(&mut self, entry: &Entry) -> std::result::Result<(), Stop> {
        let mut left = entry.compressed_bytes;
        let mut produced = 0;
        while left > 0 {
            let mut raw = self.new_raw();
            let len = self.read_raw(&mut raw, &mut left)?;
            produced += len as u64;
            check_size(produced, entry)?;
            let mut bytes = Piece::raw(&raw, len);
            while !bytes.is_empty() {
                let count = bytes.len().min(HEAD_BYTES + CHUNK_BYTES - self.end);
                self.text[self.end..self.end + count].copy_from_slice(&bytes[..count]);
                self.end += count;
                bytes = &bytes[count..];
                if self.end == HEAD_BYTES + CHUNK_BYTES {
                    self.send_text()?;
                }
            }
            self.send(Piece::Raw { buffer: raw, len })?;
        }
        Ok(check_whole(produced, entry)?)
    }

    /// The next bytes of the entry.
    fn read_raw(&mut self, raw: &mut [u8], left: &mut u64) -> Result<usize> {
        let len = usize::try_from(*left).map_or(RAW_BYTES, |left| left.min(RAW_BYTES));
        let room = &mut raw[LEFT_OVER_MAX..LEFT_OVER_MAX + len];
        self.file.read_exact(room).map_err(|error| corrupt(format!("it is truncated: {error}")))?;
        *left -= len as u64;
        Ok(len)
    }

    /// Hands on up to `count` bytes of the file that are not text.
    fn copy_raw(&mut self, mut count: u64) -> std::result::Result<(), Stop> {
        while count > 0 {
            let mut buffer = self.new_raw();
            let room = usize::try_from(count).map_or(RAW_BYTES, |count| count.min(RAW_BYTES));
            let len = self.file.read(&mut buffer[LEFT_OVER_MAX..LEFT_OVER_MAX + room])?;
            if len == 0 {
                break;
            }
            count -= len as u64;
            self.send(Piece::Raw { buffer, len })?;
        }
        Ok(())
    }

    fn send(&self, piece: Piece) -> std::result::Result<(), Stop> {
        self.link.pieces.send(Ok(piece)).map_err(|_| Stop::Gone)
    }

    /// Sends the chunk and begins the next, which starts with the end of this one.
    fn send_text(&mut self) -> std::result::Result<(), Stop> {
        let mut next = self.new_text();
        let end = self.end;
        next[..HEAD_BYTES].copy_from_slice(&self.text[end - HEAD_BYTES..end]);
        self.begin = self.begin.saturating_sub(end - HEAD_BYTES);
        self.end = HEAD_BYTES;
        let mut buffer = std::mem::replace(&mut self.text, next);
        buffer[end..end + TAIL_BYTES].fill(0);
        self.send(Piece::Text { buffer, len: end - HEAD_BYTES })
    }

    fn new_text(&self) -> Vec<u8> {
        let size = HEAD_BYTES + CHUNK_BYTES + OUTPUT_SLACK + TAIL_BYTES;
        self.link.used_text.try_recv().unwrap_or_else(|_| vec![0; size])
    }

    fn new_raw(&self) -> Vec<u8> {
        let size = LEFT_OVER_MAX + RAW_BYTES + INPUT_PAD;
        self.link.used_raw.try_recv().unwrap_or_else(|_| vec![0; size])
    }
}

fn check_size(produced: u64, entry: &Entry) -> Result<()> {
    if produced > entry.inflated_bytes {
        return Err(corrupt(format!("it inflates beyond the {} bytes it declares", entry.inflated_bytes)));
    }
    Ok(())
}

fn check_whole(produced: u64, entry: &Entry) -> Result<()> {
    if produced != entry.inflated_bytes {
        return Err(corrupt(format!("it inflates to {produced} bytes and declares {}", entry.inflated_bytes)));
    }
    Ok(())
}
