//! Whether a section suits the model that it came with.

use super::{confidence, memory};
use crate::Axes;
use siskin_format::{ABSENT, Artifact, Baseline, FeatureRecord};

/// Checks what the section says of the model: tensors that exist, regions within them, the memory.
pub(super) fn check(artifact: &Artifact<'_>, baseline: &Baseline<'_>) -> Option<()> {
    let record = baseline.record;
    let ops = artifact.ops().len();
    let known = record.scores == ABSENT || artifact.tensor(record.scores).is_some();
    let stated = usize::try_from(record.memory_len) == Ok(memory::len(record));
    (known && stated && usize::from(record.after) <= ops).then_some(())?;
    for feature in baseline.features {
        let ty = artifact.ty(artifact.tensor(feature.tensor)?)?;
        let inside = feature.statistic >= confidence::CLASS || within(feature, ty.shape.checked_elements()?);
        (inside && usize::from(feature.after) <= ops).then_some(())?;
    }
    Some(())
}

/// Whether the region has elements, no more than the tensor, and ends within it.
fn within(f: &FeatureRecord, elements: u32) -> bool {
    let last = |n: u32, stride: u32| u64::from(n.saturating_sub(1)).saturating_mul(stride.into());
    let end =
        u64::from(f.start).saturating_add(last(f.rows, f.row_stride)).saturating_add(last(f.columns, f.column_stride));
    let area = u64::from(f.rows).saturating_mul(f.columns.into());
    (1..=u64::from(elements)).contains(&area) && end < u64::from(elements)
}
