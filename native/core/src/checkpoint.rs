//! A unit's whole state as bytes: versioned, with a SHA-256 of everything before it at the end. No byte of it is trusted before
//! that digest has matched.
//!
//! Layout, little-endian: magic `BKCP`, version u16, threshold u32, gate unit i64, segmentation u8, position (flag u8, id i64,
//! time i64), digest u64, forming (flag u8, 13 × i64, 4 × i128), first 16 bytes of the SHA-256.

use sha2::{Digest, Sha256};

use crate::calendar::Segmentation;
use crate::engine::{EngineConfig, Forming};
use crate::error::{CoreError, Result};
use crate::fold::RunSums;
use crate::job::Position;

const MAGIC: &[u8; 4] = b"BKCP";
const VERSION: u16 = 1;
const SEAL_BYTES: usize = 16;

/// What a checkpoint holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub config: EngineConfig,
    pub segmentation: Segmentation,
    pub(crate) forming: Option<Forming>,
    pub position: Option<Position>,
    /// Digest over the segment's completed bars so far.
    pub digest: u64,
}

impl State {
    /// The forming bar, with all its columns.
    pub fn forming_bar(&self) -> Option<crate::bar::Bar> {
        self.forming.as_ref().map(|forming| forming.bar(None))
    }

    pub(crate) fn check_matches(&self, config: EngineConfig, segmentation: Segmentation) -> Result<()> {
        if self.config == config && self.segmentation == segmentation {
            return Ok(());
        }
        Err(CoreError::new(
            "CHECKPOINT_MISMATCH",
            format!(
                "the checkpoint is for {:?} by {:?}, the job for {config:?} by {segmentation:?}",
                self.config, self.segmentation
            ),
        ))
    }
}

pub fn encode(state: &State) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&state.config.threshold_dbps.to_le_bytes());
    out.extend_from_slice(&state.config.gate_unit_us.to_le_bytes());
    out.push(state.segmentation as u8);
    out.push(u8::from(state.position.is_some()));
    let position = state.position.unwrap_or(Position { last_id: 0, last_time_us: 0 });
    out.extend_from_slice(&position.last_id.to_le_bytes());
    out.extend_from_slice(&position.last_time_us.to_le_bytes());
    out.extend_from_slice(&state.digest.to_le_bytes());
    out.push(u8::from(state.forming.is_some()));
    if let Some(forming) = &state.forming {
        for value in [
            forming.open_time,
            forming.close_time,
            forming.open,
            forming.close,
            forming.first_trade_id,
            forming.last_trade_id,
            forming.first_agg_trade_id,
            forming.last_agg_trade_id,
            forming.records,
            forming.sums.high,
            forming.sums.low,
            forming.sums.fills,
            forming.sums.buy_fills,
        ] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        for value in [forming.sums.volume, forming.sums.buy_volume, forming.sums.turnover, forming.sums.buy_turnover] {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
    let seal = Sha256::digest(&out);
    out.extend_from_slice(&seal[..SEAL_BYTES]);
    out
}

/// # Errors
/// `CHECKPOINT_CORRUPT`, `CHECKPOINT_VERSION`.
pub fn decode(bytes: &[u8]) -> Result<State> {
    let corrupt = |what: &str| CoreError::new("CHECKPOINT_CORRUPT", format!("the checkpoint is corrupt: {what}"));
    let body_len = bytes.len().checked_sub(SEAL_BYTES).ok_or_else(|| corrupt("it is too short"))?;
    let (body, seal) = bytes.split_at(body_len);
    if Sha256::digest(body)[..SEAL_BYTES] != *seal {
        return Err(corrupt("its digest does not match"));
    }
    let mut reader = Reader { rest: body };
    if reader.take(MAGIC.len()) != Some(&MAGIC[..]) {
        return Err(corrupt("it does not begin with BKCP"));
    }
    let version = reader.u16().ok_or_else(|| corrupt("it ends early"))?;
    if version != VERSION {
        return Err(CoreError::new(
            "CHECKPOINT_VERSION",
            format!("the checkpoint has version {version}, this program reads {VERSION}"),
        ));
    }
    reader.state().filter(|_| reader.rest.is_empty()).ok_or_else(|| corrupt("its fields do not add up"))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn i128(&mut self) -> Option<i128> {
        self.array().map(i128::from_le_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.array()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn state(&mut self) -> Option<State> {
        let threshold_dbps = self.array().map(u32::from_le_bytes)?;
        let config = EngineConfig { threshold_dbps, gate_unit_us: self.i64()? };
        let segmentation = match self.array()? {
            [0] => Segmentation::None,
            [1] => Segmentation::Year,
            [2] => Segmentation::Month,
            [3] => Segmentation::Week,
            _ => return None,
        };
        let has_position = self.flag()?;
        let position = Position { last_id: self.i64()?, last_time_us: self.i64()? };
        let digest = self.array().map(u64::from_le_bytes)?;
        let forming = if self.flag()? { Some(self.forming()?) } else { None };
        Some(State { config, segmentation, forming, position: has_position.then_some(position), digest })
    }

    fn forming(&mut self) -> Option<Forming> {
        Some(Forming {
            open_time: self.i64()?,
            close_time: self.i64()?,
            open: self.i64()?,
            close: self.i64()?,
            first_trade_id: self.i64()?,
            last_trade_id: self.i64()?,
            first_agg_trade_id: self.i64()?,
            last_agg_trade_id: self.i64()?,
            records: self.i64()?,
            sums: RunSums {
                high: self.i64()?,
                low: self.i64()?,
                fills: self.i64()?,
                buy_fills: self.i64()?,
                volume: self.i128()?,
                buy_volume: self.i128()?,
                turnover: self.i128()?,
                buy_turnover: self.i128()?,
            },
        })
    }
}
