//! The core of barkeep: exact range bars from trades. Knows nothing of Node, networks or stores.

pub mod archive;
pub mod bar;
pub mod calendar;
mod check;
pub mod checkpoint;
pub mod digest;
mod dispatch;
pub mod engine;
pub mod error;
mod fold;
pub mod fp8;
pub mod job;
pub mod microstructure;
pub mod native_block;
mod part;
pub mod trade;
pub mod unit;

/// Changes only when some output changes; a build keeps the version it was begun with.
pub const BAR_VERSION: u32 = 1;
