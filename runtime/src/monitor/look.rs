//! What is known in the middle of an inference, and how features are read from tensors.

use super::extract::extract;
use super::{Prediction, confidence, distance};
use crate::{Session, TypeRef};
use siskin_format::{Baseline, FeatureRecord};

/// What one inference has shown so far.
#[derive(Default)]
pub(super) struct Look {
    /// Operators that have run.
    pub(super) done: u16,
    /// The first feature that was not read yet.
    pub(super) next: usize,
    /// The detector of the next feature that is weighed.
    pub(super) weighed: usize,
    /// Whether detectors look at this inference.
    pub(super) looking: bool,
    pub(super) evidence: f32,
    pub(super) prediction: Option<Prediction>,
    /// How far the nearest prototype is.
    pub(super) distance: u32,
}

impl Look {
    pub(super) fn new(looking: bool) -> Look {
        Look { looking, ..Look::default() }
    }

    /// The value of a feature whose tensor is there.
    pub(super) fn value(&mut self, feature: &FeatureRecord, baseline: &Baseline<'_>, tensors: &mut Tensors<'_>) -> i32 {
        if feature.statistic >= confidence::CLASS {
            return self.prediction.map_or(0, |p| p.statistic(feature.statistic));
        }
        let (Some(ty), bytes) = tensors.get(feature.tensor) else { return 0 };
        if feature.statistic == distance::DISTANCE {
            let nearest = distance::nearest(feature, baseline.prototypes, ty.dtype, bytes);
            self.distance = nearest.unsigned_abs();
            return nearest;
        }
        extract(feature, ty.dtype, bytes)
    }
}

/// The tensors after one step. Many features are of the same one, which is looked up once.
pub(super) struct Tensors<'s> {
    session: &'s Session<'s>,
    index: Option<u16>,
    last: (Option<TypeRef<'s>>, &'s [u8]),
}

impl<'s> Tensors<'s> {
    pub(super) fn of(session: &'s Session<'s>) -> Tensors<'s> {
        Tensors { session, index: None, last: (None, &[]) }
    }

    pub(super) fn get(&mut self, index: u16) -> (Option<TypeRef<'s>>, &'s [u8]) {
        if self.index != Some(index) {
            (self.index, self.last) = (Some(index), self.session.tensor(index));
        }
        self.last
    }
}
