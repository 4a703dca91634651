//! The thin face of the core towards Node: no policy, no I/O of its own. Errors leave as JSON in the message (code, message, file,
//! line, offset); a panic leaves as an error.

mod day;
mod errors;
mod job;

use barkeep_core::{checkpoint, native_block};
use napi::bindgen_prelude::{BigInt, Buffer};
use napi_derive::napi;

use errors::to_js;

/// The output version of the core.
#[napi]
pub fn bar_version() -> u32 {
    barkeep_core::BAR_VERSION
}

/// Hash of the sources this addon was built from.
#[napi]
pub fn sources_hash() -> String {
    env!("BARKEEP_SOURCES_HASH").to_owned()
}

/// A checkpoint's content; the forming bar, if any, as a Native block of one row without constant columns' meaning.
#[napi(object)]
pub struct CheckpointJs {
    pub threshold_dbps: u32,
    pub last_id: Option<BigInt>,
    pub last_time_us: Option<BigInt>,
    pub digest: BigInt,
    pub forming: Option<Buffer>,
}

#[napi(catch_unwind)]
pub fn decode_checkpoint(bytes: Buffer) -> napi::Result<CheckpointJs> {
    let state = checkpoint::decode(&bytes).map_err(to_js)?;
    Ok(CheckpointJs {
        threshold_dbps: state.config.threshold_dbps,
        last_id: state.position.map(|position| BigInt::from(position.last_id)),
        last_time_us: state.position.map(|position| BigInt::from(position.last_time_us)),
        digest: BigInt::from(state.digest),
        forming: state.forming_bar().map(|bar| job::one_bar(&bar)),
    })
}

/// Digest and rows after folding a Native body of the 21 digest columns.
#[napi(object)]
pub struct FoldedDigest {
    pub digest: BigInt,
    pub rows: BigInt,
}

/// `digest` is the digest so far, or absent for none.
#[napi(catch_unwind)]
pub fn fold_digest(digest: Option<BigInt>, body: Buffer) -> napi::Result<FoldedDigest> {
    let start = digest.map_or(barkeep_core::digest::EMPTY, |value| value.get_u64().1);
    let (digest, rows) = native_block::fold_digest(start, &body).map_err(to_js)?;
    Ok(FoldedDigest { digest: BigInt::from(digest), rows: BigInt::from(rows) })
}
