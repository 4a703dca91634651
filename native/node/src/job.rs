//! The job as a JavaScript object. Reading a day runs off the main thread.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};

use barkeep_core::bar::{Bar, BarColumns};
use barkeep_core::calendar::Segmentation;
use barkeep_core::job::{Job, JobConfig};
use barkeep_core::native_block::{self, Constants};
use barkeep_core::unit::Part;
use napi::bindgen_prelude::{AsyncTask, BigInt, Buffer};
use napi_derive::napi;

use crate::day::{DayRun, DayTask, Turn};
use crate::errors::to_js;
use barkeep_core::error::CoreError;

#[napi(object)]
pub struct JobConfigJs {
    pub thresholds: Vec<u32>,
    pub gate_unit_us: i64,
    pub segmentation: String,
}

#[napi(object)]
pub struct DayRequest {
    pub path: String,
    /// 64 hexadecimal digits.
    pub sha256: Option<String>,
    pub symbol: String,
    /// `YYYY-MM-DD`
    pub day: String,
    pub day_start_us: i64,
    pub max_inflated_bytes: i64,
    /// Pause when a unit has this many bars waiting.
    pub bars_max: u32,
}

#[napi(object)]
pub struct ConstantsJs {
    pub series: String,
    pub segment: String,
    pub build: u32,
    pub attempt: BigInt,
}

#[napi(object)]
pub struct PartJs {
    pub from_id: BigInt,
    pub through_id: BigInt,
    pub day_start_us: BigInt,
    pub first_us: BigInt,
    pub last_us: BigInt,
    pub records: BigInt,
    pub fills: BigInt,
    pub volume: BigInt,
    pub turnover: BigInt,
    pub quarantined: BigInt,
    pub bars: BigInt,
    pub orphans: BigInt,
    pub bars_digest: BigInt,
}

#[napi(object)]
pub struct UnitOutputJs {
    pub bars: u32,
    /// The bars as one Native block.
    pub block: Buffer,
    pub parts: Vec<PartJs>,
    pub checkpoint: Buffer,
}

/// The job and, between a pause and the day's end, the archive being read.
pub struct State {
    pub job: Job,
    pub day: Option<DayRun>,
}

#[napi(js_name = "Job")]
pub struct JobJs {
    state: Arc<Mutex<State>>,
    reading: Arc<AtomicBool>,
}

#[napi]
impl JobJs {
    #[napi(constructor, catch_unwind)]
    pub fn new(config: JobConfigJs) -> napi::Result<Self> {
        let segmentation = Segmentation::parse(&config.segmentation).map_err(to_js)?;
        let job =
            Job::new(&JobConfig { thresholds: config.thresholds, gate_unit_us: config.gate_unit_us, segmentation })
                .map_err(to_js)?;
        let state = Arc::new(Mutex::new(State { job, day: None }));
        Ok(Self { state, reading: Arc::default() })
    }

    #[napi(catch_unwind)]
    pub fn restore_unit(&self, index: u32, checkpoint: Buffer) -> napi::Result<()> {
        let mut state = self.lock()?;
        check_index(&state.job, index)?;
        state.job.restore_unit(index as usize, &checkpoint).map_err(to_js)
    }

    /// Reads a day's archive; see `resumeDay` for a pause.
    #[napi(ts_return_type = "Promise<unknown>")]
    pub fn ingest_day(&self, request: DayRequest) -> AsyncTask<DayTask> {
        let turn = Turn::of(&self.reading);
        AsyncTask::new(DayTask::begin(Arc::clone(&self.state), turn, PathBuf::from(&request.path), request))
    }

    #[napi(ts_return_type = "Promise<unknown>")]
    pub fn resume_day(&self) -> AsyncTask<DayTask> {
        AsyncTask::new(DayTask::resume(Arc::clone(&self.state), Turn::of(&self.reading)))
    }

    /// Forming bars end; a take behind it may have that one bar and no part.
    #[napi(catch_unwind)]
    pub fn end_segment(&self) -> napi::Result<()> {
        self.lock()?.job.end_segment();
        Ok(())
    }

    /// How many bars each unit has waiting.
    #[napi(catch_unwind)]
    pub fn waiting(&self) -> napi::Result<Vec<u32>> {
        Ok(self.lock()?.job.units().iter().map(|unit| unit.bars().len() as u32).collect())
    }

    /// Drains a unit's bars and parts, with the checkpoint behind them.
    #[napi(catch_unwind)]
    pub fn take(&self, index: u32, constants: ConstantsJs) -> napi::Result<UnitOutputJs> {
        let mut state = self.lock()?;
        check_index(&state.job, index)?;
        let (bars, parts) = state.job.take(index as usize);
        let checkpoint = state.job.checkpoint(index as usize);
        let constants = Constants {
            series: constants.series,
            segment: constants.segment,
            build: constants.build,
            attempt: constants.attempt.get_u64().1,
        };
        Ok(UnitOutputJs {
            bars: bars.len() as u32,
            block: native_block::encode(&bars, &constants).into(),
            parts: parts.iter().map(part_to_js).collect(),
            checkpoint: checkpoint.into(),
        })
    }

    /// The forming bar as a Native block of one row.
    #[napi(catch_unwind)]
    pub fn peek(&self, index: u32) -> napi::Result<Option<Buffer>> {
        let state = self.lock()?;
        check_index(&state.job, index)?;
        Ok(state.job.peek(index as usize).map(|bar| one_bar(&bar)))
    }

    fn lock(&self) -> napi::Result<MutexGuard<'_, State>> {
        self.state.try_lock().map_err(|_| {
            to_js(CoreError::new("JOB_BUSY", "the job is reading a day, or a panic left it in an unknown state"))
        })
    }
}

fn check_index(job: &Job, index: u32) -> napi::Result<()> {
    if (index as usize) < job.units().len() {
        return Ok(());
    }
    Err(to_js(CoreError::new("NO_SUCH_UNIT", format!("unit {index} of {}", job.units().len()))))
}

/// One bar as a Native block; its constant columns are empty.
pub fn one_bar(bar: &Bar) -> Buffer {
    let mut columns = BarColumns::default();
    columns.push(bar);
    let constants = Constants { series: String::new(), segment: String::new(), build: 0, attempt: 0 };
    native_block::encode(&columns, &constants).into()
}

fn part_to_js(part: &Part) -> PartJs {
    PartJs {
        from_id: BigInt::from(part.from_id),
        through_id: BigInt::from(part.through_id),
        day_start_us: BigInt::from(part.day_start_us),
        first_us: BigInt::from(part.first_us),
        last_us: BigInt::from(part.last_us),
        records: BigInt::from(part.records),
        fills: BigInt::from(part.fills),
        volume: BigInt::from(part.volume),
        turnover: BigInt::from(part.turnover),
        quarantined: BigInt::from(part.quarantined),
        bars: BigInt::from(part.bars),
        orphans: BigInt::from(part.orphans),
        bars_digest: BigInt::from(part.bars_digest),
    }
}
