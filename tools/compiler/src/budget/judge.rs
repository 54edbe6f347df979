//! What an artifact loses against the float model, in points, on the kernels that ship.
//!
//! | judged by | points |
//! |---|---|
//! | labelled data, top1 or auc | 100 · (float - artifact) |
//! | data, mse | 100 · (artifact / float - 1) |
//! | samples that nothing was fitted to, no labels | 100 · the part of them whose class is not the float model's |

use super::BudgetError;
use crate::data::{Dataset, Sample};
use crate::eval::{Evaluation, Metric, class, evaluate};
use crate::lower::Lowered;
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::{WalkError, read, walk};
use sha2::{Digest, Sha256};
use siskin::Session;

/// Judges artifacts against the float model.
#[derive(Debug)]
pub struct Judge<'a> {
    data: &'a Dataset,
    float: Float,
}

#[derive(Debug)]
enum Float {
    /// By the metric of its labels.
    Metric(Evaluation),
    /// By the class of each sample.
    Classes(Vec<usize>),
}

impl<'a> Judge<'a> {
    /// By labelled data and a metric, that of the labels if none is given.
    ///
    /// # Errors
    /// [`BudgetError`].
    pub fn by_metric(
        float: &Lowered,
        data: &'a Dataset,
        metric: Option<Metric>,
        progress: &mut dyn Progress,
    ) -> Result<Judge<'a>, BudgetError> {
        let found = evaluate(&mut Loaded::new(&float.file)?, data, metric, progress)?;
        Ok(Judge { data, float: Float::Metric(found) })
    }

    /// By how often the class is the float model's, on samples that nothing was fitted to.
    ///
    /// # Errors
    /// [`BudgetError`].
    pub fn by_agreement(float: &Lowered, data: &'a Dataset) -> Result<Judge<'a>, BudgetError> {
        Ok(Judge { data, float: Float::Classes(classes(float, data)?) })
    }

    /// The metric's name.
    #[must_use]
    pub fn metric(&self) -> &'static str {
        match &self.float {
            Float::Metric(e) => e.metric.name(),
            Float::Classes(_) => "agreement",
        }
    }

    /// The number of samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.data.len()
    }

    /// The metric of an artifact, and how many points it lost.
    pub(super) fn measure(&self, lowered: &Lowered, progress: &mut dyn Progress) -> Result<[f64; 2], BudgetError> {
        match &self.float {
            Float::Metric(float) => {
                let metric = Some(float.metric);
                let found = evaluate(&mut Loaded::new(&lowered.file)?, self.data, metric, progress)?.value;
                let points = match float.metric {
                    Metric::Top1 | Metric::Auc => float.value - found,
                    Metric::Mse => found / float.value.max(f64::MIN_POSITIVE) - 1.0,
                };
                Ok([found, 100.0 * points])
            }
            Float::Classes(float) => {
                let found = classes(lowered, self.data)?;
                let other = float.iter().zip(&found).filter(|(a, b)| a != b).count();
                let part = other as f64 / float.len().max(1) as f64;
                Ok([1.0 - part, 100.0 * part])
            }
        }
    }

    /// Adds all that a judgement rests on.
    pub(super) fn digest(&self, hash: &mut Sha256) -> Result<(), BudgetError> {
        hash.update(self.metric());
        digest(self.data, hash)
    }
}

/// Adds every sample and label.
pub(super) fn digest(data: &Dataset, hash: &mut Sha256) -> Result<(), BudgetError> {
    for sample in data.iter() {
        let Sample { x, y, group } = sample?;
        for x in &x {
            x.to_f32().iter().for_each(|v| hash.update(v.to_le_bytes()));
        }
        y.iter().for_each(|y| y.values().iter().for_each(|v| hash.update(v.to_le_bytes())));
        hash.update(group.unwrap_or(0).to_le_bytes());
    }
    Ok(())
}

/// The class that a model gives each sample.
fn classes(lowered: &Lowered, data: &Dataset) -> Result<Vec<usize>, BudgetError> {
    let mut loaded = Loaded::new(&lowered.file)?;
    let mut found = Vec::new();
    let see = |_: usize, _: &Sample, session: &Session<'_>| {
        found.push(class(&read(session, 0)?));
        Ok::<(), Refused>(())
    };
    walk(&mut loaded.session()?, data, see).map_err(|e| e.0)?;
    Ok(found)
}

/// The data's refusal, or the runtime's.
struct Refused(BudgetError);

impl From<WalkError> for Refused {
    fn from(e: WalkError) -> Refused {
        Refused(BudgetError::Eval(e.into()))
    }
}

impl From<siskin::Error> for Refused {
    fn from(e: siskin::Error) -> Refused {
        Refused(e.into())
    }
}
