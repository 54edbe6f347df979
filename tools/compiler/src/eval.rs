//! Evaluates a model on labelled data, with the kernels that ship.

use crate::data::{Dataset, Place, Sample, Target};
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::{WalkError, read, walk};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The fraction of samples whose largest output is the label's; an output of one value means class 1 from 0.5 on.
    Top1,
    /// The mean squared difference between outputs and targets; to the input itself where there are no targets.
    Mse,
    /// The area under the ROC curve of class 1 against class 0, scored by output 1 of two, by a single output, or by the
    /// reconstruction error of an autoencoder.
    Auc,
}

impl Metric {
    /// The name in the CLI and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Metric::Top1 => "top1",
            Metric::Mse => "mse",
            Metric::Auc => "auc",
        }
    }
}

impl core::str::FromStr for Metric {
    type Err = String;

    fn from_str(s: &str) -> Result<Metric, String> {
        [Metric::Top1, Metric::Mse, Metric::Auc]
            .into_iter()
            .find(|m| m.name() == s)
            .ok_or_else(|| format!("no metric '{s}': top1, mse or auc"))
    }
}

/// What an evaluation found.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// What was measured.
    pub metric: Metric,
    /// Its value.
    pub value: f64,
    /// The number of samples.
    pub n: usize,
    /// The largest output of each sample.
    pub predictions: Vec<usize>,
    /// The class that each sample's label names; nothing if labels are no classes.
    pub labels: Vec<usize>,
}

/// How samples of one class were judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCount {
    /// Samples with this label.
    pub n: usize,
    /// Those that the model said it of.
    pub right: usize,
}

impl ClassCount {
    /// The fraction that was right; nothing of a class without samples.
    #[must_use]
    pub fn recall(self) -> Option<f64> {
        (self.n > 0).then(|| self.right as f64 / self.n as f64)
    }
}

impl Evaluation {
    /// The fraction of samples on which both predict the same class.
    #[must_use]
    pub fn agreement(&self, other: &Evaluation) -> f64 {
        let same = self.predictions.iter().zip(&other.predictions).filter(|(a, b)| a == b).count();
        same as f64 / self.n.max(1) as f64
    }

    /// Classes up to the greatest that is predicted or a label; none if labels are no classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        let greatest = self.predictions.iter().chain(&self.labels).max();
        if self.labels.is_empty() { 0 } else { greatest.map_or(0, |c| c + 1) }
    }

    /// Samples by label, then by what the model said.
    #[must_use]
    pub fn confusion(&self, classes: usize) -> Vec<Vec<usize>> {
        let mut counts = vec![vec![0; classes]; classes];
        for (&label, &said) in self.labels.iter().zip(&self.predictions) {
            if let Some(count) = counts.get_mut(label).and_then(|row| row.get_mut(said)) {
                *count += 1;
            }
        }
        counts
    }

    /// How each of `classes` fared.
    #[must_use]
    pub fn by_class(&self, classes: usize) -> Vec<ClassCount> {
        let counts = self.confusion(classes);
        counts.iter().enumerate().map(|(c, row)| ClassCount { n: row.iter().sum(), right: row[c] }).collect()
    }
}

/// Why an evaluation failed.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The data.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The model's memory.
    #[error("the model cannot be run: {0}")]
    Runtime(#[from] siskin::Error),
    /// A sample that suits the model or the metric not.
    #[error("{place}: sample {sample}: {reason}")]
    Sample {
        /// The file, and the array at fault.
        place: Place,
        /// The sample's index.
        sample: usize,
        /// What is wrong and the way out.
        reason: String,
    },
    /// A data set that does not suit the metric.
    #[error("{place}: {reason}")]
    Set {
        /// The file, and the array at fault.
        place: Place,
        /// What is wrong and the way out.
        reason: String,
    },
}

/// The index of the largest value, the first of equals; a single value counts as class 1 from 0.5 on.
#[must_use]
pub fn class(y: &[f32]) -> usize {
    if let [p] = y {
        return usize::from(*p >= 0.5);
    }
    y.iter().enumerate().fold(0, |best, (i, v)| if *v > y[best] { i } else { best })
}

/// Evaluates a model. Without a metric, class labels are measured by [`Metric::Top1`], everything else by
/// [`Metric::Mse`].
///
/// # Errors
/// [`EvalError`], with the index of the sample at fault.
pub fn evaluate(
    loaded: &mut Loaded,
    data: &Dataset,
    metric: Option<Metric>,
    progress: &mut dyn Progress,
) -> Result<Evaluation, EvalError> {
    if let Some(metric) = metric.filter(|&m| m != Metric::Mse && !data.is_labelled()) {
        return Err(unlabelled(data, metric));
    }
    let mut session = loaded.session()?;
    progress.begin("evaluate", data.len() as u64);
    let mut tally = Tally { metric, ..Tally::default() };
    walk(&mut session, data, |i, sample, session| {
        let fault = |place, reason| EvalError::Sample { place, sample: i, reason };
        tally.add(sample, &read(session, 0)?).map_err(|misfit| match misfit {
            Misfit::Input(reason) => fault(data.place(), reason),
            Misfit::Label(reason) => fault(data.labels(), reason),
        })?;
        progress.step();
        Ok::<(), EvalError>(())
    })?;
    progress.end();
    let found = tally.finish();
    if found.value.is_nan() && found.metric == Metric::Auc {
        let reason = "every label is of one class: auc compares class 1 with class 0 and needs both".into();
        return Err(EvalError::Set { place: data.labels(), reason });
    }
    Ok(found)
}

fn unlabelled(data: &Dataset, metric: Metric) -> EvalError {
    let place = data.labels();
    let what = if place.array.is_some() { "it is missing" } else { "it has no labels" };
    let reason = format!("{what}, but {} needs a class for each sample: add it, or choose --metric mse", metric.name());
    EvalError::Set { place, reason }
}

/// Why a sample cannot be measured: its values, or its label.
enum Misfit {
    Input(String),
    Label(String),
}

#[derive(Default)]
struct Tally {
    metric: Option<Metric>,
    right: usize,
    squares: f64,
    scores: Vec<(f32, bool)>,
    predictions: Vec<usize>,
    labels: Vec<usize>,
}

impl Tally {
    fn add(&mut self, sample: &Sample, y: &[f32]) -> Result<(), Misfit> {
        let labelled = matches!(sample.y, Some(Target::Class(_)));
        let metric = *self.metric.get_or_insert(if labelled { Metric::Top1 } else { Metric::Mse });
        self.predictions.push(class(y));
        let label = sample.y.as_ref().and_then(Target::class);
        self.labels.extend(label.and_then(|l| usize::try_from(l).ok()).filter(|_| labelled));
        match metric {
            Metric::Top1 => {
                let label = label.ok_or_else(|| no_class(sample, "top1"))?;
                let classes = y.len().max(2) as i64;
                if !(0..classes).contains(&label) {
                    let last = classes - 1;
                    return Err(Misfit::Label(format!("label {label} lies outside the model's classes, 0 to {last}")));
                }
                self.right += usize::from(class(y) as i64 == label);
            }
            Metric::Mse => self.squares += squared_error(sample, y)?,
            Metric::Auc => {
                let label = label.ok_or_else(|| no_class(sample, "auc"))?;
                if !(0..=1).contains(&label) {
                    return Err(Misfit::Label(format!("label {label} is neither 0 nor 1, which auc tells apart")));
                }
                let score = match y {
                    [p] => *p,
                    [_, p] => *p,
                    _ => reconstruction_error(sample, y)? as f32,
                };
                self.scores.push((score, label == 1));
            }
        }
        Ok(())
    }

    fn finish(self) -> Evaluation {
        let n = self.predictions.len();
        let metric = self.metric.unwrap_or(Metric::Top1);
        let value = match metric {
            Metric::Top1 => self.right as f64 / n.max(1) as f64,
            Metric::Mse => self.squares / n.max(1) as f64,
            Metric::Auc => auc(self.scores),
        };
        // One label too few says nothing of which sample lacks it.
        let labels = if self.labels.len() == n { self.labels } else { Vec::new() };
        Evaluation { metric, value, n, predictions: self.predictions, labels }
    }
}

fn no_class(sample: &Sample, metric: &str) -> Misfit {
    let found = match &sample.y {
        Some(y) => format!("the label is {:?}", y.values()),
        None => "there is no label".into(),
    };
    Misfit::Label(format!("{found}, but {metric} needs one whole number for each sample: or choose --metric mse"))
}

/// The mean squared difference to the label, or to the input itself.
fn squared_error(sample: &Sample, y: &[f32]) -> Result<f64, Misfit> {
    let Some(target) = &sample.y else { return reconstruction_error(sample, y) };
    let target = target.values();
    mean_square(&target, y).ok_or_else(|| {
        let (found, needed) = (target.len(), y.len());
        Misfit::Label(format!("{found} target values, but the model has {needed} outputs: give as many"))
    })
}

/// The mean squared difference to the first input.
fn reconstruction_error(sample: &Sample, y: &[f32]) -> Result<f64, Misfit> {
    let x = sample.x.first().map(|x| x.to_f32()).unwrap_or_default();
    mean_square(&x, y).ok_or_else(|| {
        let (found, needed) = (x.len(), y.len());
        Misfit::Input(format!(
            "{found} input values cannot be compared with the model's {needed} outputs: add labels, an array y of the \
             classes, or of the outputs' shape"
        ))
    })
}

fn mean_square(target: &[f32], y: &[f32]) -> Option<f64> {
    let sum: f64 = target.iter().zip(y).map(|(t, y)| f64::from(t - y).powi(2)).sum();
    (target.len() == y.len()).then(|| sum / y.len().max(1) as f64)
}

/// The probability that a positive scores above a negative, ties counting half (Mann and Whitney, 1947).
fn auc(mut scores: Vec<(f32, bool)>) -> f64 {
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut wins) = (0.0, 0.0);
    for tied in scores.chunk_by(|a, b| a.0 == b.0) {
        let positive = tied.iter().filter(|s| s.1).count() as f64;
        let negative = tied.len() as f64 - positive;
        wins += positive * (below + negative / 2.0);
        below += negative;
    }
    wins / (below * (scores.len() as f64 - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_ties_half() {
        assert_eq!(auc(vec![(0.1, false), (0.4, false), (0.35, true), (0.8, true)]), 0.75);
        assert_eq!(auc(vec![(1.0, false), (1.0, true)]), 0.5);
    }

    #[test]
    fn classes_are_counted_by_label() {
        let (predictions, labels) = (vec![0, 1, 1, 2, 0], vec![0, 1, 0, 2, 0]);
        let found = Evaluation { metric: Metric::Top1, value: 0.8, n: 5, predictions, labels };
        assert_eq!(found.classes(), 3);
        assert_eq!(found.confusion(3), [[2, 1, 0], [0, 1, 0], [0, 0, 1]]);
        assert_eq!(found.by_class(4)[0], ClassCount { n: 3, right: 2 });
        assert_eq!(found.by_class(4)[3].recall(), None);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(class(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(class(&[0.5]), 1);
    }
}
