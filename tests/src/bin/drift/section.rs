//! What a compiler makes of values, where a monitor can look at it.

use siskin::format::Baseline;
use siskin_compiler::monitor::{Options, section};

/// The options of a promise.
pub(crate) fn promising(arl: u32) -> Options {
    Options { arl, ..Options::default() }
}

/// The monitor's section of an artifact, made from values.
pub(crate) struct Section {
    words: Vec<u64>,
    len: usize,
}

impl Section {
    /// With a threshold that is found for this reference, or another's.
    pub(crate) fn new(reference: &[Vec<i32>], arl: u32, threshold: Option<f32>) -> Section {
        let bytes = section(reference, &promising(arl), threshold).unwrap();
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut::<_, u8>(&mut words)[..bytes.len()].copy_from_slice(&bytes);
        Section { words, len: bytes.len() }
    }

    pub(crate) fn baseline(&self) -> Baseline<'_> {
        Baseline::new_checked(&bytemuck::cast_slice(&self.words)[..self.len]).unwrap()
    }

    /// Memory for a monitor.
    pub(crate) fn memory(&self) -> Vec<u64> {
        vec![0; (self.baseline().record.memory_len as usize).div_ceil(8)]
    }
}
