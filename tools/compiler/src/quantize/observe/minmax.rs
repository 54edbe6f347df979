//! The smallest and the largest value: pass one of every method, and a method of its own.

use super::Range;

/// Running extremes; 0 counts as seen, as every range includes it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MinMax {
    range: Range,
}

impl MinMax {
    pub(super) fn observe(&mut self, values: &[f32]) {
        for &value in values.iter().filter(|v| v.is_finite()) {
            self.range.min = self.range.min.min(value);
            self.range.max = self.range.max.max(value);
        }
    }

    pub(super) fn range(&self) -> Range {
        self.range
    }
}
