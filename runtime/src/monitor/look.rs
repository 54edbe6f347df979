//! What is known in the middle of an inference, and how features are read from tensors.

use super::extract::{SATURATION, Sums};
use super::{Prediction, confidence, distance};
use crate::Session;
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
    /// The last region that was walked, and what was found: features of one region stand side by side.
    walked: Option<([u32; 6], Sums)>,
}

impl Look {
    pub(super) fn new(looking: bool) -> Look {
        Look { looking, ..Look::default() }
    }

    /// The value of a feature whose tensor is there.
    pub(super) fn value(&mut self, feature: &FeatureRecord, baseline: &Baseline<'_>, session: &Session<'_>) -> i32 {
        if feature.statistic == distance::DISTANCE {
            let (ty, bytes) = session.tensor(feature.tensor);
            let nearest = ty.map_or(0, |ty| distance::nearest(feature, baseline.prototypes, ty.dtype, bytes));
            self.distance = nearest.unsigned_abs();
            return nearest;
        }
        if feature.statistic >= confidence::CLASS {
            return self.prediction.map_or(0, |p| p.statistic(feature.statistic));
        }
        let FeatureRecord { tensor, start, rows, row_stride, columns, column_stride, .. } = *feature;
        let region = [tensor.into(), start, rows, row_stride, columns, column_stride];
        let whole = feature.statistic != SATURATION;
        let sums = match self.walked {
            Some((walked, sums)) if whole && walked == region => sums,
            _ => {
                let (ty, bytes) = session.tensor(tensor);
                ty.map(|ty| Sums::of(feature, ty.dtype, bytes)).unwrap_or_default()
            }
        };
        self.walked = whole.then_some((region, sums));
        sums.statistic(feature.statistic)
    }
}
