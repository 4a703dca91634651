//! The inflating thread: reads the file from first byte to last, hands its raw bytes on to be hashed and its text to be parsed.
//!
//! Measured on one 2-core machine with a 5-million-trade day: flate2 over zlib-rs streamed in 1 MB pieces on a thread of its own keeps up
//! with whole-buffer libdeflate once parsing overlaps, and needs a few MB where libdeflate needs the whole text.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender};

use flate2::{Decompress, FlushDecompress, Status};
use zip::CompressionMethod;

use crate::error::{CoreError, Result};

/// Bytes of text per chunk.
pub const CHUNK_BYTES: usize = 1 << 20;
/// Free bytes before a chunk's text: the unfinished line of the chunk before it goes there.
pub const HEAD_BYTES: usize = 4 << 10;
/// Readable bytes behind a chunk's text, so that eight bytes can be loaded at once anywhere in it.
pub const TAIL_BYTES: usize = 16;
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
    /// Bytes of the file as they lie on disk, in order.
    Raw(Vec<u8>),
    /// `HEAD_BYTES` free, then the text, then `TAIL_BYTES` zeros.
    Text { buffer: Vec<u8>, len: usize },
}

fn corrupt(what: impl std::fmt::Display) -> CoreError {
    CoreError::new("ZIP_CORRUPT", format!("the archive is corrupt: {what}"))
}

/// Reads the directory. The archive must hold exactly one file.
///
/// # Errors
/// `FILE_UNREADABLE`, `ZIP_CORRUPT`.
pub fn open(path: &Path) -> Result<(File, Entry)> {
    let unreadable = |error: std::io::Error| CoreError::new("FILE_UNREADABLE", format!("cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let mut archive = zip::ZipArchive::new(file.try_clone().map_err(unreadable)?).map_err(corrupt)?;
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
    Ok((file, entry))
}

/// The thread's whole work. Ends early, and silently, when the receiver is gone.
pub fn run(mut file: File, entry: &Entry, pieces: &SyncSender<Result<Piece>>, used_text: &Receiver<Vec<u8>>) {
    if let Err(error) = send_all(&mut file, entry, pieces, used_text) {
        // A closed channel means that the reader was dropped: nobody is left to tell.
        drop(pieces.send(Err(error)));
    }
}

struct Gone;

fn send_all(
    file: &mut File,
    entry: &Entry,
    pieces: &SyncSender<Result<Piece>>,
    used_text: &Receiver<Vec<u8>>,
) -> Result<()> {
    let io = |error: std::io::Error| CoreError::new("FILE_UNREADABLE", format!("cannot be read: {error}"));
    let send = |piece: Piece| pieces.send(Ok(piece)).map_err(|_| Gone);
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    if copy_raw(file, entry.data_start, &send).map_err(io)?.is_err() {
        return Ok(());
    }
    let mut inflater = Inflater::new(entry, used_text);
    let mut left = entry.compressed_bytes;
    while left > 0 {
        let mut raw = vec![0; RAW_BYTES.min(usize::try_from(left).unwrap_or(RAW_BYTES))];
        file.read_exact(&mut raw).map_err(|error| corrupt(format!("it is truncated: {error}")))?;
        left -= raw.len() as u64;
        if inflater.feed(&raw, &send)?.is_err() || send(Piece::Raw(raw)).is_err() {
            return Ok(());
        }
    }
    if inflater.finish(&send)?.is_err() {
        return Ok(());
    }
    drop(copy_raw(file, u64::MAX, &send).map_err(io)?);
    Ok(())
}

type Sent = std::result::Result<(), Gone>;

/// Hands on up to `count` bytes of the file that are not text.
fn copy_raw(file: &mut File, count: u64, send: &impl Fn(Piece) -> Sent) -> std::io::Result<Sent> {
    let mut rest = file.take(count);
    loop {
        let mut raw = vec![0; RAW_BYTES];
        let read = rest.read(&mut raw)?;
        if read == 0 {
            return Ok(Ok(()));
        }
        raw.truncate(read);
        if send(Piece::Raw(raw)).is_err() {
            return Ok(Err(Gone));
        }
    }
}

struct Inflater<'a> {
    stream: Decompress,
    deflated: bool,
    declared: u64,
    produced: u64,
    ended: bool,
    buffer: Vec<u8>,
    len: usize,
    used_text: &'a Receiver<Vec<u8>>,
}

impl<'a> Inflater<'a> {
    fn new(entry: &Entry, used_text: &'a Receiver<Vec<u8>>) -> Self {
        Self {
            stream: Decompress::new(false),
            deflated: entry.deflated,
            declared: entry.inflated_bytes,
            produced: 0,
            ended: false,
            buffer: new_buffer(used_text),
            len: 0,
            used_text,
        }
    }

    fn feed(&mut self, mut raw: &[u8], send: &impl Fn(Piece) -> Sent) -> Result<Sent> {
        while !raw.is_empty() {
            if self.ended {
                return Err(corrupt("data goes on behind the end of the compressed text"));
            }
            let room = &mut self.buffer[HEAD_BYTES + self.len..HEAD_BYTES + CHUNK_BYTES];
            let (consumed, produced) = if self.deflated {
                let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
                let status = self.stream.decompress(raw, room, FlushDecompress::None).map_err(corrupt)?;
                self.ended = status == Status::StreamEnd;
                (self.stream.total_in() - before_in, self.stream.total_out() - before_out)
            } else {
                let count = raw.len().min(room.len());
                room[..count].copy_from_slice(&raw[..count]);
                (count as u64, count as u64)
            };
            self.produced += produced;
            if self.produced > self.declared {
                return Err(corrupt(format!("it inflates beyond the {} bytes it declares", self.declared)));
            }
            raw = &raw[consumed as usize..];
            self.len += produced as usize;
            if self.len == CHUNK_BYTES && self.flush(send).is_err() {
                return Ok(Err(Gone));
            }
        }
        Ok(Ok(()))
    }

    fn finish(&mut self, send: &impl Fn(Piece) -> Sent) -> Result<Sent> {
        // Output that was held back for want of room.
        while self.deflated && !self.ended {
            let before = self.stream.total_out();
            let room = &mut self.buffer[HEAD_BYTES + self.len..HEAD_BYTES + CHUNK_BYTES];
            let status = self.stream.decompress(&[], room, FlushDecompress::None).map_err(corrupt)?;
            let produced = self.stream.total_out() - before;
            self.ended = status == Status::StreamEnd;
            self.produced += produced;
            self.len += produced as usize;
            if produced == 0 && !self.ended {
                return Err(corrupt("the compressed text ends in the middle"));
            }
            if self.len == CHUNK_BYTES && self.flush(send).is_err() {
                return Ok(Err(Gone));
            }
        }
        if self.produced != self.declared {
            return Err(corrupt(format!("it inflates to {} bytes and declares {}", self.produced, self.declared)));
        }
        if self.len > 0 && self.flush(send).is_err() {
            return Ok(Err(Gone));
        }
        Ok(Ok(()))
    }

    fn flush(&mut self, send: &impl Fn(Piece) -> Sent) -> Sent {
        let mut buffer = std::mem::replace(&mut self.buffer, new_buffer(self.used_text));
        let len = std::mem::take(&mut self.len);
        buffer[HEAD_BYTES + len..HEAD_BYTES + len + TAIL_BYTES].fill(0);
        send(Piece::Text { buffer, len })
    }
}

/// A buffer that the parser is done with, or a new one.
fn new_buffer(used_text: &Receiver<Vec<u8>>) -> Vec<u8> {
    used_text.try_recv().unwrap_or_else(|_| vec![0; HEAD_BYTES + CHUNK_BYTES + TAIL_BYTES])
}
