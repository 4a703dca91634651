//! One daily archive of aggregate trades: a `.zip` with one CSV → batches of trades, in bounded memory.
//!
//! One thread reads and inflates, the caller's thread hashes the file's bytes and parses, so that two cores are busy.

mod deflate;
mod inflate;
mod reader;
mod row;
mod source;
mod usual;

pub use reader::{ArchiveReader, Batch, Ghost, GhostReason, ReadOptions, Summary};
