//! The smallest and the largest value: pass one of every method, and a method of its own.

use super::Range;

/// Running extremes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MinMax {
    extremes: Option<[f32; 2]>,
}

impl MinMax {
    pub(super) fn observe(&mut self, values: &[f32]) {
        for &value in values.iter().filter(|v| v.is_finite()) {
            let [min, max] = self.extremes.unwrap_or([value; 2]);
            self.extremes = Some([min.min(value), max.max(value)]);
        }
    }

    /// What was seen, nothing added.
    pub(super) fn extremes(&self) -> Option<[f32; 2]> {
        self.extremes
    }

    /// What was seen, and 0, which every range includes.
    pub(super) fn range(&self) -> Range {
        let [min, max] = self.extremes.unwrap_or_default();
        Range { min: min.min(0.0), max: max.max(0.0) }
    }
}
