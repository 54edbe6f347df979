//! Explains a compiled model: what one answer rests on, and which regions of the input matter over a data set.
//!
//! ```text
//! input  -> occlusion | kernel_shap | last_layer -> a value for each region -> deletion: is it true?
//! data   -> permutation, mean |occlusion|        -> an importance for each region
//! ```
//!
//! Every score comes from the artifact on the kernels that ship. Occlusion and the last layer are the runtime's own
//! code ([`siskin::explain`]). What is absent: gradients, which integer models do not have.

mod baseline;
mod deletion;
mod global;
mod names;
mod shapley;

pub use baseline::reference_mean;
pub use deletion::{Deletion, deletion};
pub use global::{Global, Importance, global};
pub use names::{Kind, region_name};
pub use shapley::kernel_shap;

use crate::data::{DataError, Place};
use crate::monitor::probabilities;
use crate::progress::Progress;
use crate::run::Loaded;
use siskin::explain::{Baseline, Grid, LastLayer, Masked, Sum};
use siskin::{DType, Scores, Session};

/// The most regions of KernelSHAP: coalitions are sets of bits.
pub const SHAP_REGIONS: u32 = 64;

/// Why something cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model, or its memory.
    #[error(transparent)]
    Runtime(#[from] siskin::Error),
    /// Not one input.
    #[error("the model has {0} inputs: explanations are for models of one")]
    Inputs(usize),
    /// An input without quantities.
    #[error("the model's input holds {0}, not quantities: nothing can stand where a region is hidden")]
    NotReal(DType),
    /// A class that is not there.
    #[error("--class {class}: the model has {classes} classes, 0 to {}", classes - 1)]
    Class {
        /// The class asked for.
        class: u32,
        /// The number of classes.
        classes: u32,
    },
    /// Too few runs.
    #[error(
        "--budget {budget}: at least {least} runs are needed: one of the whole input, and others with something hidden"
    )]
    Budget {
        /// The runs allowed.
        budget: u32,
        /// The runs needed.
        least: u32,
    },
    /// No linear layer at the end.
    #[error("no linear layer with constant weights gives the scores: choose --method occlusion or kernel-shap")]
    NoLastLayer,
    /// A set without labels.
    #[error(
        "{0}: it has no labels: permutation importance is a drop of accuracy, so add a class for each sample, an array y"
    )]
    Unlabelled(Place),
    /// A label that is no class.
    #[error("{place}: sample {sample}: the label is no class of the model, 0 to {last}")]
    Label {
        /// The file.
        place: Place,
        /// The sample's index.
        sample: usize,
        /// The last class.
        last: u32,
    },
    /// Too few samples.
    #[error("{0}: one sample cannot be shuffled: give at least two")]
    TooFew(Place),
}

/// A model that is being explained.
#[derive(Debug)]
pub struct Subject<'m> {
    session: Session<'m>,
    /// Where its scores are.
    pub scores: Scores,
    /// The length of each axis of its input.
    pub shape: Vec<u32>,
    gain: f64,
}

impl<'m> Subject<'m> {
    /// A model of one real input whose first output has scores.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub fn new(loaded: &'m mut Loaded) -> Result<Subject<'m>, ExplainError> {
        let session = loaded.native_session()?;
        let model = *session.model();
        let mut inputs = model.inputs();
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            return Err(ExplainError::Inputs(model.inputs().count()));
        };
        let is_real = matches!(input.dtype, DType::F32) || input.outer == DType::F32;
        if !is_real {
            return Err(ExplainError::NotReal(input.outer));
        }
        let scores = Scores::of(&model).ok_or(siskin::Error::NoScores)?;
        let temperature =
            model.artifact().baseline().map_err(siskin::Error::from)?.map_or(1.0, |b| b.record.temperature);
        Ok(Subject { session, scores, shape: input.shape.dims().to_vec(), gain: 1.0 / f64::from(temperature) })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &siskin::Model<'m> {
        self.session.model()
    }

    /// Checks a class that was asked for.
    ///
    /// # Errors
    /// [`ExplainError::Class`].
    pub fn check_class(&self, class: u32) -> Result<u16, ExplainError> {
        let classes = self.scores.classes;
        u16::try_from(class).ok().filter(|_| class < classes).ok_or(ExplainError::Class { class, classes })
    }

    /// The scores with some regions hidden.
    ///
    /// # Errors
    /// If the input does not suit the model.
    pub fn run(&mut self, masked: &Masked<'_>, hidden: impl Fn(usize) -> bool) -> Result<Answer, ExplainError> {
        masked.run(&mut self.session, &self.scores, hidden)?;
        let classes = self.scores.classes as usize;
        let scores: Vec<f32> = (0..classes).filter_map(|c| self.scores.get(&self.session, c)).collect();
        let probabilities = probabilities(&scores, self.gain);
        Ok(Answer { scores, probabilities })
    }

    /// What the score of `class` loses without each region; see [`Masked::occlusion`].
    ///
    /// # Errors
    /// If the input does not suit the model.
    pub fn occlusion(
        &mut self,
        masked: &Masked<'_>,
        class: u16,
        progress: &mut dyn Progress,
    ) -> Result<Vec<f64>, ExplainError> {
        let mut heat = vec![0.0; masked.grid.regions()];
        progress.begin("occlusion", heat.len() as u64 + 1);
        masked.occlusion(&mut self.session, &self.scores, class, &mut heat, || progress.step())?;
        progress.end();
        Ok(heat.into_iter().map(f64::from).collect())
    }

    /// What each input of the last layer adds to the score of `class`, in the unit of scores, and the bias; see
    /// [`LastLayer::contributions`].
    ///
    /// # Errors
    /// [`ExplainError::NoLastLayer`]; if the input does not suit the model.
    pub fn last_layer(&mut self, input: &[f32], class: u16) -> Result<(Vec<f64>, f64), ExplainError> {
        let layer = LastLayer::of(self.session.model()).ok_or(ExplainError::NoLastLayer)?;
        let mut parts = vec![0.0; layer.inputs()];
        self.session.reset();
        self.session.write_f32(0, input)?;
        let Sum { bias, unit } = layer.contributions(&mut self.session, class, &mut parts)?;
        Ok((parts.into_iter().map(|v| f64::from(v) * unit).collect(), bias * unit))
    }
}

/// What a model says of one input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The score of each class.
    pub scores: Vec<f32>,
    /// Their softmax, at the artifact's temperature if it has a monitor.
    pub probabilities: Vec<f64>,
}

impl Answer {
    /// The class of the greatest score, the first of equals.
    #[must_use]
    pub fn class(&self) -> u16 {
        let best = (0..self.scores.len()).fold(0, |best, i| if self.scores[i] > self.scores[best] { i } else { best });
        u16::try_from(best).unwrap_or(u16::MAX)
    }

    /// How sure the model is of a class: its probability, or the score where there is but one.
    #[must_use]
    pub fn certainty(&self, class: u16) -> f64 {
        let values = (&self.scores, &self.probabilities);
        if values.0.len() == 1 { values.0[0].into() } else { values.1.get(usize::from(class)).copied().unwrap_or(0.0) }
    }
}

/// The finest grid over an input that a budget of runs allows.
///
/// # Errors
/// [`ExplainError::Budget`].
pub fn grid(shape: &[u32], budget: u32) -> Result<Grid, ExplainError> {
    Grid::new(shape, budget).ok_or(ExplainError::Budget { budget, least: 2 })
}

/// What stands where a region is hidden, as a choice of words.
#[derive(Clone, Debug, PartialEq)]
pub enum Filled {
    /// Zeros.
    Zero,
    /// The mean of the monitor's reference.
    Reference(Vec<f32>),
}

impl Filled {
    /// What stands there.
    #[must_use]
    pub fn baseline(&self) -> Baseline<'_> {
        match self {
            Filled::Zero => Baseline::Value(0.0),
            Filled::Reference(mean) => Baseline::Each(mean),
        }
    }
}

/// Numbers drawn for shuffles and coalitions.
struct Draws(siskin::format::Prng);

impl Draws {
    fn new(seed: u64) -> Draws {
        // Neighbouring seeds of this generator give one sequence, a step apart: the seed is mixed first.
        Draws(siskin::format::Prng::new(siskin::format::Prng::new(seed).next_u64()))
    }

    /// A number below `n`, which is small beside 2^64.
    fn below(&mut self, n: usize) -> usize {
        (self.0.next_u64() % n.max(1) as u64) as usize
    }

    /// The numbers below `n` in an order of chance (Fisher and Yates).
    fn order(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}
