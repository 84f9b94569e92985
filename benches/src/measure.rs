//! The measuring process: all peers in turn, round by round.

use crate::entrants::{Entrant, entrants};
use crate::rows::Measured;
use crate::work::Work;
use crate::works::{Sample, WARM_UP};
use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// How long one sample is to take, in nanoseconds: long for the clock, short for the scheduler.
const SAMPLE: f64 = 200_000.0;

/// Works that take long are measured in one round of so many.
const SELDOM: usize = 20;

/// Measures, and prints a line for each work of a peer to the process that reports.
///
/// # Errors
///
/// When a line cannot be written as JSON.
pub(crate) fn show(works: &[Work], rounds: usize) -> Result<()> {
    stay_on_one_core();
    for series in measure(works, rounds) {
        println!("{}", serde_json::to_string(&series.measured()).context("samples are not JSON")?);
    }
    Ok(())
}

/// A work of a peer, with its samples.
struct Series {
    work: Work,
    entrant: Entrant,
    count: usize,
    samples: Vec<Sample>,
}

fn measure(works: &[Work], rounds: usize) -> Vec<Series> {
    let mut series = Vec::new();
    for &work in works {
        series.extend(entrants().into_iter().filter_map(|entrant| prepare(work, entrant)));
    }
    for round in 0..rounds {
        for &work in works {
            if work.is_long() && round % SELDOM != 0 {
                continue;
            }
            let mut same: Vec<_> = series.iter_mut().filter(|series| series.work == work).collect();
            // No entrant always follows the same other one, or is always first.
            let first = round % same.len().max(1);
            same.rotate_left(first);
            for series in same {
                series.samples.extend((series.entrant.sample)(work, series.count));
            }
        }
    }
    series
}

/// Finds how many operations a sample takes; `None` if the peer cannot do this work.
fn prepare(work: Work, entrant: Entrant) -> Option<Series> {
    let few = if matches!(work, Work::Climb(_)) { 3 } else { 256 };
    let first = (entrant.sample)(work, few)?;
    let count = (SAMPLE / first.nanoseconds).clamp(few as f64, 1e6) as usize;
    let count = count.next_multiple_of(WARM_UP * WARM_UP);
    // Pages are touched once: only the first sample shows how much memory a partner takes.
    let samples = if first.bytes.is_some() { vec![first] } else { Vec::new() };
    Some(Series { work, entrant, count, samples })
}

impl Series {
    fn measured(&self) -> Measured {
        Measured {
            operation: self.work.to_string(),
            peer: self.entrant.name.into(),
            nanoseconds: self.samples.iter().map(|sample| sample.nanoseconds).collect(),
            bytes: self.samples.first().and_then(|sample| sample.bytes),
        }
    }
}

/// A process that moves to another core finds its caches cold. Where it may not choose, it measures all the same.
pub(crate) fn stay_on_one_core() {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|&core| allowed.is_set(core)) else { return };
    let mut one = CpuSet::new();
    one.set(last);
    if let Err(error) = sched_setaffinity(None, &one) {
        eprintln!("not kept on one core: {error}");
    }
}
