//! Which regions of the input a model needs over a data set.
//!
//! ```text
//! permutation importance of r = accuracy - accuracy with r taken from other samples, at random
//! ```
//!
//! What a region holds is moved from sample to sample as a whole, so it keeps its own distribution and loses its bond
//! with the label. Source: Breiman, "Random forests", 2001; Fisher, Rudin and Dominici, 2019, for models of any kind.

use super::deletion::mean_and_deviation;
use super::{Draws, ExplainError, Filled, Subject};
use crate::data::{Dataset, Target};
use crate::progress::Progress;
use siskin::explain::{Baseline, Grid, Masked};

/// How much a region matters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Importance {
    /// The drop of accuracy when the region is shuffled: mean and standard deviation over repeats.
    pub permutation: [f64; 2],
    /// The mean over samples of how far the predicted class's score moves, either way, when the region is hidden.
    pub occlusion: f64,
}

/// What was found over a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Global {
    /// Samples.
    pub n: usize,
    /// The fraction that the model classifies as labelled.
    pub accuracy: f64,
    /// One for each region of the grid.
    pub regions: Vec<Importance>,
    /// Runs of the model.
    pub runs: u64,
}

/// Measures every region of `grid` over a labelled set, which is held in memory: its values, 4 bytes each.
///
/// # Errors
/// [`ExplainError`].
pub fn global(
    subject: &mut Subject<'_>,
    data: &Dataset,
    grid: Grid,
    filled: &Filled,
    repeats: u32,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Global, ExplainError> {
    let samples = samples(subject, data)?;
    let (n, regions) = (samples.len(), grid.regions());
    let runs = n as u64 * regions as u64 * (u64::from(repeats) + 1) + 2 * n as u64;
    progress.begin("explain", runs / (regions as u64 + 1));
    let (mut hits, mut moved) = (0usize, vec![0.0; regions]);
    for s in &samples {
        let masked = Masked { input: &s.input, baseline: filled.baseline(), grid };
        let answer = subject.run(&masked, |_| false)?;
        hits += usize::from(answer.class() == s.class);
        let heat = subject.occlusion(&masked, answer.class(), &mut ())?;
        moved.iter_mut().zip(heat).for_each(|(m, h)| *m += h.abs() / n as f64);
        progress.step();
    }
    let accuracy = hits as f64 / n as f64;
    let (mut drops, mut draws) = (vec![Vec::new(); regions], Draws::new(seed));
    for (r, drops) in drops.iter_mut().enumerate() {
        for _ in 0..repeats {
            drops.push(accuracy - shuffled(subject, &samples, grid, r, &draws.order(n))?);
        }
        (0..n as u64 * u64::from(repeats) / (regions as u64 + 1)).for_each(|_| progress.step());
    }
    progress.end();
    let importance =
        |(drops, occlusion): (&Vec<f64>, f64)| Importance { permutation: mean_and_deviation(drops), occlusion };
    Ok(Global { n, accuracy, regions: drops.iter().zip(moved).map(importance).collect(), runs })
}

/// The accuracy when each sample has region `r` of another, `order`'s.
fn shuffled(
    subject: &mut Subject<'_>,
    samples: &[Labelled],
    grid: Grid,
    r: usize,
    order: &[usize],
) -> Result<f64, ExplainError> {
    let mut hits = 0usize;
    for (s, &other) in samples.iter().zip(order) {
        // What stands where this one's region is hidden is the other's.
        let masked = Masked { input: &s.input, baseline: Baseline::Each(&samples[other].input), grid };
        hits += usize::from(subject.run(&masked, |hidden| hidden == r)?.class() == s.class);
    }
    Ok(hits as f64 / samples.len() as f64)
}

struct Labelled {
    input: Vec<f32>,
    class: u16,
}

fn samples(subject: &Subject<'_>, data: &Dataset) -> Result<Vec<Labelled>, ExplainError> {
    if !data.is_labelled() {
        return Err(ExplainError::Unlabelled(data.place()));
    }
    if data.len() < 2 {
        return Err(ExplainError::TooFew(data.place()));
    }
    let last = subject.scores.classes - 1;
    let label = |(sample, s): (usize, Result<crate::data::Sample, crate::data::DataError>)| {
        let s = s?;
        let class = s.y.as_ref().and_then(Target::class).and_then(|c| u16::try_from(c).ok());
        let class = class.filter(|&c| u32::from(c) <= last);
        let class = class.ok_or(ExplainError::Label { place: data.labels(), sample, last })?;
        Ok(Labelled { input: s.x.first().map(|x| x.to_f32().into_owned()).unwrap_or_default(), class })
    };
    data.iter().enumerate().map(label).collect()
}
