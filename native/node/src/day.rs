//! Reading one day off the main thread, in steps that end when enough bars wait to be taken.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use barkeep_core::archive::{ArchiveReader, Batch, Ghost, ReadOptions, Summary};
use barkeep_core::error::{CoreError, Result};
use barkeep_core::job::Job;
use napi::bindgen_prelude::BigInt;
use napi::{Env, Task};
use napi_derive::napi;

use crate::errors::{panicked, to_js};
use crate::job::{DayRequest, State};

/// How many quarantined rows are told one by one.
const GHOSTS_TOLD: usize = 100;

/// A day that is being read.
pub struct DayRun {
    reader: ArchiveReader,
    batch: Batch,
    /// A batch that has been read but not pushed yet.
    batch_waits: bool,
    day_start_us: i64,
    bars_max: usize,
    ghosts: Vec<Ghost>,
    proven: bool,
}

#[napi(object)]
pub struct GhostJs {
    pub id: BigInt,
    pub line: BigInt,
    pub reason: String,
}

/// Where a step ended.
#[napi(object)]
pub struct DayProgress {
    /// False when the day goes on after bars have been taken.
    pub done: bool,
    pub rows: BigInt,
    pub quarantined_count: BigInt,
    /// The first hundred.
    pub quarantined: Vec<GhostJs>,
    pub inflated_bytes: BigInt,
}

enum Step {
    Begin(Box<DayRequest>, PathBuf),
    Resume,
}

/// The right to read, from the call until its promise settles: when the threads start and end is left to chance.
pub struct Turn(Arc<AtomicBool>);

impl Turn {
    /// None while another one is out.
    pub fn of(reading: &Arc<AtomicBool>) -> Option<Self> {
        (!reading.swap(true, Ordering::AcqRel)).then(|| Self(Arc::clone(reading)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

pub struct DayTask {
    state: Arc<Mutex<State>>,
    step: Step,
    turn: Option<Turn>,
}

impl DayTask {
    pub fn begin(state: Arc<Mutex<State>>, turn: Option<Turn>, path: PathBuf, request: DayRequest) -> Self {
        Self { state, step: Step::Begin(Box::new(request), path), turn }
    }

    pub fn resume(state: Arc<Mutex<State>>, turn: Option<Turn>) -> Self {
        Self { state, step: Step::Resume, turn }
    }

    fn run(&mut self) -> Result<DayProgress> {
        let busy = || CoreError::new("JOB_BUSY", "the job is reading a day already");
        if self.turn.is_none() {
            return Err(busy());
        }
        let mut state = self.state.try_lock().map_err(|_| busy())?;
        let state = &mut *state;
        // A paused day that another one is begun instead of is over.
        let paused = state.day.take();
        let mut run = match &self.step {
            Step::Begin(request, path) => DayRun::open(request, path)?,
            Step::Resume => paused.ok_or_else(|| CoreError::new("NO_DAY", "no day is paused"))?,
        };
        state.job.begin_day(run.day_start_us);
        match run.step(&mut state.job) {
            Ok(summary) => {
                let progress = run.progress(summary);
                if summary.is_some() {
                    state.job.end_day();
                } else {
                    state.day = Some(run);
                }
                Ok(progress)
            }
            Err(error) => {
                state.job.rollback_day();
                Err(error)
            }
        }
    }
}

impl Task for DayTask {
    type Output = Result<DayProgress>;
    type JsValue = DayProgress;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        // A panic here would end the process.
        Ok(catch_unwind(AssertUnwindSafe(|| self.run())).unwrap_or_else(|payload| Err(panicked(payload))))
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        self.turn = None;
        output.map_err(to_js)
    }
}

impl DayRun {
    fn open(request: &DayRequest, path: &std::path::Path) -> Result<Self> {
        let options = ReadOptions {
            sha256: request.sha256.as_deref().map(parse_sha256).transpose()?,
            symbol: request.symbol.clone(),
            day: request.day.clone(),
            day_start_us: request.day_start_us,
            max_inflated_bytes: u64::try_from(request.max_inflated_bytes).unwrap_or(0),
        };
        Ok(Self {
            reader: ArchiveReader::open(path, options)?,
            batch: Batch::default(),
            batch_waits: false,
            day_start_us: request.day_start_us,
            bars_max: request.bars_max as usize,
            ghosts: Vec::new(),
            proven: false,
        })
    }

    /// Pushes batches until the day is over (its summary) or enough bars wait (none).
    fn step(&mut self, job: &mut Job) -> Result<Option<Summary>> {
        loop {
            if !self.batch_waits && !self.reader.next_batch(&mut self.batch)? {
                return Ok(self.reader.summary());
            }
            self.batch_waits = true;
            // Looked at here, with a batch in hand: a day is never paused with nothing left to push.
            if job.units().iter().any(|unit| unit.bars().len() >= self.bars_max) {
                self.prove(job)?;
                return Ok(None);
            }
            push(job, &self.batch).map_err(|error| self.reader.explain(error))?;
            self.batch_waits = false;
            let room = GHOSTS_TOLD - self.ghosts.len();
            self.ghosts.extend(self.batch.ghosts.iter().take(room));
        }
    }

    /// Bars are about to be kept before the file's end: what comes must be known to be good, or a day would be half kept whose
    /// rest can never follow. So the whole day is read once for nothing.
    fn prove(&mut self, job: &Job) -> Result<()> {
        if self.proven {
            return Ok(());
        }
        let behind = || CoreError::new("NO_DAY", "bars were taken before the day was proven");
        let mut trial = job.at_day_start().ok_or_else(behind)?;
        let mut reader = self.reader.again()?;
        let mut batch = Batch::default();
        while reader.next_batch(&mut batch)? {
            push(&mut trial, &batch).map_err(|error| reader.explain(error))?;
            trial.forget_gathered();
        }
        self.proven = true;
        Ok(())
    }

    fn progress(&self, summary: Option<Summary>) -> DayProgress {
        DayProgress {
            done: summary.is_some(),
            rows: BigInt::from(summary.map_or(0, |s| s.rows)),
            quarantined_count: BigInt::from(summary.map_or(0, |s| s.ghosts)),
            quarantined: self
                .ghosts
                .iter()
                .map(|ghost| GhostJs {
                    id: BigInt::from(ghost.agg_id),
                    line: BigInt::from(ghost.line),
                    reason: ghost.reason.name().to_owned(),
                })
                .collect(),
            inflated_bytes: BigInt::from(summary.map_or(0, |s| s.inflated_bytes)),
        }
    }
}

/// Trades and quarantined ids in file order.
fn push(job: &mut Job, batch: &Batch) -> Result<()> {
    let mut start = 0;
    let mut push_to = |job: &mut Job, end: usize| {
        let pushed = job.push(batch.trades.slice(start..end));
        let outcome = pushed.map_err(|error| match error.index {
            Some(index) => {
                let line = batch.line_of(start + index);
                error.at_line(line)
            }
            None => error,
        });
        start = end;
        outcome
    };
    for ghost in &batch.ghosts {
        push_to(job, ghost.before)?;
        job.mark_seen(ghost.agg_id, ghost.agg_id);
    }
    push_to(job, batch.trades.len())
}

fn parse_sha256(text: &str) -> Result<[u8; 32]> {
    let bad = || CoreError::new("BAD_CHECKSUM", format!("\"{text}\" is not 64 hexadecimal digits"));
    if text.len() != 64 || !text.is_ascii() {
        return Err(bad());
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| bad())?;
    }
    Ok(bytes)
}
