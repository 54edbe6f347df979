//! Times a model on this machine with its fastest kernels, one thread.

use crate::run::Loaded;
use core::time::Duration;
use siskin_format::{Golden, GoldenRecord};
use std::time::Instant;

/// Times of single inferences, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The median.
    pub median_us: f64,
    /// Nineteen of twenty are at least as fast.
    pub p95_us: f64,
    /// Inferences timed.
    pub rounds: usize,
}

/// Runs random inputs for about `budget`, after a tenth of it to warm up, at least eleven times.
///
/// # Errors
/// As [`Loaded::session`].
pub fn bench(loaded: &mut Loaded, budget: Duration) -> Result<Timing, siskin::Error> {
    let inputs = loaded.model()?.inputs().count();
    let mut session = loaded.native_session()?;
    let record = GoldenRecord { seed: 1, crc: 0, samples: 0, exact: 0, reserved: 0 };
    let ranges = vec![[0.0, 1.0]; inputs];
    let fill = Golden { record: &record, ranges: &ranges, samples: &[] };
    let start = Instant::now();
    let mut times = Vec::new();
    let mut warm = false;
    while times.len() < 11 || start.elapsed() < budget {
        session.fill_golden(&fill);
        let before = Instant::now();
        session.run();
        let took = before.elapsed();
        if warm {
            times.push(took.as_secs_f64() * 1e6);
        }
        warm |= start.elapsed() >= budget / 10;
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    Ok(Timing { median_us: at(0.5), p95_us: at(0.95), rounds: times.len() })
}
