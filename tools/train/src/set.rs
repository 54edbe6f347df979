//! Training data in memory, checked.
//!
//! What is absent: data larger than memory. Training draws samples in random order, which a stream cannot give.

use crate::TrainError;
use siskin_compiler::data::{Dataset, Place, Target};

/// Samples with what the model should answer.
#[derive(Clone, Debug)]
pub struct Set {
    pub(crate) x: Vec<f32>,
    pub(crate) each: usize,
    pub(crate) answers: Answers,
    pub(crate) place: Place,
}

/// What the model should answer.
#[derive(Clone, Debug)]
pub(crate) enum Answers {
    /// Nothing is known.
    None,
    /// The class of each sample.
    Classes(Vec<usize>),
    /// The outputs' values, sample after sample.
    Values(Vec<f32>),
}

impl Set {
    /// Reads a data set for a model of `outputs` values. Whole numbers are classes.
    ///
    /// # Errors
    /// [`TrainError::Data`]; [`TrainError::Label`], [`TrainError::EmptyClass`] and [`TrainError::Target`] say where.
    pub fn read(data: &Dataset, outputs: usize) -> Result<Set, TrainError> {
        let mut set = Set { x: Vec::new(), each: 0, answers: Answers::None, place: data.place() };
        for (sample, next) in data.iter().enumerate() {
            let next = next?;
            let x = next.x.first().map(|x| x.to_f32()).unwrap_or_default();
            set.each = x.len();
            set.x.extend_from_slice(&x);
            if let Some(target) = &next.y {
                set.answers.add(target, outputs).map_err(|reason| match reason {
                    Misfit::Label(label) => {
                        TrainError::Label { place: data.labels(), sample, label, last: outputs.saturating_sub(1) }
                    }
                    Misfit::Other(reason) => TrainError::Target { place: data.labels(), sample, reason },
                })?;
            }
        }
        if let Answers::Classes(classes) = &set.answers
            && let Some(class) = (0..outputs).find(|c| !classes.contains(c))
        {
            return Err(TrainError::EmptyClass { place: data.labels(), class, classes: outputs });
        }
        Ok(set)
    }

    /// The number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.x.len() / self.each.max(1)
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// The same samples without labels: for distillation from the teacher alone.
    #[must_use]
    pub fn unlabelled(self) -> Set {
        Set { answers: Answers::None, ..self }
    }

    /// The first `n` samples.
    #[must_use]
    pub fn first(mut self, n: usize) -> Set {
        let before = self.len().max(1);
        let n = n.min(before);
        self.x.truncate(n * self.each);
        match &mut self.answers {
            Answers::None => {}
            Answers::Classes(classes) => classes.truncate(n),
            Answers::Values(values) => values.truncate(values.len() / before * n),
        }
        self
    }

    pub(crate) fn sample(&self, i: usize) -> &[f32] {
        self.x.get(i * self.each..(i + 1) * self.each).unwrap_or(&[])
    }

    /// The answer to sample `i` as class probabilities, or values; nothing if it is not known.
    pub(crate) fn answer(&self, i: usize, outputs: usize) -> Option<Vec<f32>> {
        match &self.answers {
            Answers::None => None,
            Answers::Classes(classes) => {
                let mut probabilities = vec![0.0; outputs];
                *probabilities.get_mut(*classes.get(i)?)? = 1.0;
                Some(probabilities)
            }
            Answers::Values(values) => Some(values.get(i * outputs..(i + 1) * outputs)?.to_vec()),
        }
    }
}

enum Misfit {
    Label(i64),
    Other(String),
}

impl Answers {
    fn add(&mut self, target: &Target, outputs: usize) -> Result<(), Misfit> {
        if let Answers::None = self {
            *self = match target {
                Target::Class(_) => Answers::Classes(Vec::new()),
                Target::Values(_) => Answers::Values(Vec::new()),
            };
        }
        match (self, target) {
            (Answers::Classes(classes), Target::Class(class)) => match usize::try_from(*class) {
                Ok(class) if class < outputs => classes.push(class),
                _ => return Err(Misfit::Label(*class)),
            },
            (Answers::Values(values), Target::Values(v)) if v.len() == outputs => values.extend_from_slice(v),
            (_, target) => {
                let found = target.values().len();
                let reason = format!("{found} target values for {outputs} outputs: give a class, or as many values");
                return Err(Misfit::Other(reason));
            }
        }
        Ok(())
    }
}
