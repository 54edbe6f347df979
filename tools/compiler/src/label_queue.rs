//! Chooses which samples of a pool to label next, with the queue that devices keep ([`siskin::Queue`]).
//!
//! ```text
//! pool -> scores -> urgency: 1 - margin | entropy | disagreement with a second model | chance -> the most urgent
//! ```
//!
//! Margin: Scheffer, Decomain and Wrobel, "Active hidden Markov models for information extraction", 2001.
//! Disagreement is the Jensen-Shannon divergence of two models' probabilities: McCallum and Nigam, 1998.

use crate::data::{DataError, Dataset, Place, Sample};
use crate::monitor::probabilities;
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::{WalkError, feed, feed_each};
use siskin::format::Prng;
use siskin::queue::Ask;
use siskin::{Queue, Scores, Session};

/// What makes a sample urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The two likeliest classes are nearly as likely.
    Margin,
    /// Probability is spread over the classes.
    Entropy,
    /// A second model thinks otherwise.
    Disagreement,
    /// Chance, with this seed: what the others must beat.
    Random(u64),
}

/// A sample to be labelled.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Its index in the pool.
    pub index: usize,
    /// Its group, if the pool has groups.
    pub group: Option<i64>,
    /// What the model thinks of it.
    pub opinion: Opinion,
    /// The class that the second model gives it.
    pub second: Option<usize>,
    /// What it was chosen by.
    pub urgency: f32,
}

/// What a model thinks of a sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opinion {
    /// The likeliest class, the first of equals.
    pub class: usize,
    /// Its probability.
    pub confidence: f64,
    /// How much likelier it is than the next.
    pub margin: f64,
    probabilities: Vec<f64>,
}

/// Why no samples can be chosen.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The pool.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model.
    #[error(transparent)]
    Runtime(#[from] siskin::Error),
    /// A model that does not classify.
    #[error("the {0} model has no scores of two classes or more to be unsure between")]
    NoClasses(&'static str),
    /// Models of different classes.
    #[error("the models have {0} and {1} classes: they cannot disagree")]
    Classes(u32, u32),
    /// Too small a pool.
    #[error("{place}: {samples} samples, but --budget {budget}: ask for fewer, or give a larger pool")]
    Pool {
        /// The file.
        place: Place,
        /// Its samples.
        samples: usize,
        /// The labels that are to be spent.
        budget: usize,
    },
    /// A sample that a model does not take.
    #[error(transparent)]
    Walk(#[from] WalkError),
}

/// Chooses `budget` samples of `pool`, the most urgent first.
///
/// # Errors
/// [`QueueError`].
pub fn choose(
    model: &mut Loaded,
    second: Option<&mut Loaded>,
    pool: &Dataset,
    budget: usize,
    by: By,
    progress: &mut dyn Progress,
) -> Result<Vec<Asked>, QueueError> {
    if budget > pool.len() {
        return Err(QueueError::Pool { place: pool.place(), samples: pool.len(), budget });
    }
    let mut first = Judge::new(model, "first")?;
    let mut second = second.map(|m| Judge::new(m, "second")).transpose()?;
    if let Some(second) = second.as_ref().filter(|s| s.scores.classes != first.scores.classes) {
        return Err(QueueError::Classes(first.scores.classes, second.scores.classes));
    }
    let mut memory = vec![0u64; Queue::memory_len(budget) / 8];
    let mut queue = Queue::new(bytemuck::cast_slice_mut(&mut memory))?;
    let mut seen = Vec::with_capacity(pool.len());
    let mut chance = Prng::new(Prng::new(if let By::Random(seed) = by { seed } else { 0 }).next_u64());
    progress.begin("label-queue", pool.len() as u64);
    let Judge { session, scores, gain } = &mut first;
    feed_each(session, pool, |index, sample, session| {
        let opinion = opinion(session, scores, *gain);
        let misfit = |error| WalkError::Sample { place: pool.place(), sample: index, error };
        let other = second.as_mut().map(|s| s.opinion(sample)).transpose().map_err(misfit)?;
        let urgency = match by {
            By::Margin => 1.0 - opinion.margin as f32,
            By::Entropy => opinion.entropy() as f32,
            By::Disagreement => other.as_ref().map_or(0.0, |o| opinion.divergence(o)) as f32,
            By::Random(_) => chance.next_unit(),
        };
        queue.offer(Ask { reference: index as u64, urgency, class: opinion.class as u32 });
        seen.push(Asked { index, group: sample.group, opinion, second: other.map(|o| o.class), urgency });
        progress.step();
        Ok::<_, QueueError>(())
    })?;
    progress.end();
    Ok(queue.asks().iter().map(|a| seen[a.reference as usize].clone()).collect())
}

/// A model and how it is asked.
struct Judge<'m> {
    session: Session<'m>,
    scores: Scores,
    gain: f64,
}

impl<'m> Judge<'m> {
    fn new(loaded: &'m mut Loaded, which: &'static str) -> Result<Judge<'m>, QueueError> {
        let session = loaded.native_session()?;
        let scores = Scores::of(session.model()).filter(|s| s.classes >= 2).ok_or(QueueError::NoClasses(which))?;
        let temperature = session.model().artifact().baseline().map_err(siskin::Error::from)?;
        let temperature = temperature.map_or(1.0, |b| b.record.temperature);
        Ok(Judge { session, scores, gain: 1.0 / f64::from(temperature) })
    }

    fn opinion(&mut self, sample: &Sample) -> Result<Opinion, siskin::Error> {
        feed(&mut self.session, &sample.x)?;
        Ok(opinion(&mut self.session, &self.scores, self.gain))
    }
}

/// What a model thinks of the input that was fed to it, by itself: a pool has no order, so a state is zero before each.
fn opinion(session: &mut Session<'_>, scores: &Scores, gain: f64) -> Opinion {
    session.reset();
    scores.run(session);
    let classes = scores.classes as usize;
    let values: Vec<f32> = (0..classes).filter_map(|c| scores.get(session, c)).collect();
    Opinion::of(probabilities(&values, gain))
}

impl Opinion {
    /// The opinion that these probabilities are.
    #[must_use]
    pub fn of(probabilities: Vec<f64>) -> Opinion {
        let p = &probabilities;
        let class = (0..p.len()).fold(0, |best, i| if p[i] > p[best] { i } else { best });
        let next = p.iter().enumerate().filter(|(i, _)| *i != class).fold(0.0f64, |m, (_, &v)| m.max(v));
        let confidence = p.get(class).copied().unwrap_or(0.0);
        Opinion { class, confidence, margin: confidence - next, probabilities }
    }

    /// The entropy of the probabilities, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        entropy(self.probabilities.iter().copied())
    }

    /// The divergence of Jensen and Shannon from another opinion, in nats: 0 to ln 2.
    #[must_use]
    pub fn divergence(&self, other: &Opinion) -> f64 {
        let middle = self.probabilities.iter().zip(&other.probabilities).map(|(a, b)| (a + b) / 2.0);
        (entropy(middle) - (self.entropy() + other.entropy()) / 2.0).max(0.0)
    }
}

fn entropy(p: impl Iterator<Item = f64>) -> f64 {
    -p.filter(|&p| p > 0.0).map(|p| p * libm::log(p)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opinions_are_measured() {
        let (sure, torn) = (Opinion::of(vec![1.0, 0.0, 0.0]), Opinion::of(vec![0.0, 0.5, 0.5]));
        assert_eq!((sure.class, sure.margin, sure.entropy()), (0, 1.0, 0.0));
        assert_eq!((torn.class, torn.confidence, torn.margin), (1, 0.5, 0.0));
        assert!((torn.entropy() - core::f64::consts::LN_2).abs() < 1e-12);
        assert!((sure.divergence(&torn) - core::f64::consts::LN_2).abs() < 1e-12);
        assert_eq!(sure.divergence(&sure), 0.0);
    }
}
