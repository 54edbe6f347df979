//! What convolutions and poolings share: their axes, from a node's types and attributes.

use siskin::kernels::{Axis, Pool};

/// The windows' attributes, for the last three axes before the channels.
pub(super) struct Window<'a> {
    pub(super) kernel: [u32; 3],
    pub(super) stride: &'a [u32; 3],
    pub(super) dilation: &'a [u32; 3],
    pub(super) pad_begin: &'a [u32; 3],
}

/// The lengths of the spatial axes of `[N, spatial…, C]`, aligned at the end, 1 where there is none.
pub(super) fn spatial(dims: &[u32]) -> [u32; 3] {
    let mut lengths = [1; 3];
    let between = dims.get(1..dims.len().saturating_sub(1)).unwrap_or(&[]);
    lengths.iter_mut().rev().zip(between.iter().rev()).for_each(|(l, &d)| *l = d);
    lengths
}

/// The axes of windows over `x` that give `y`.
pub(super) fn axes(x: &[u32], y: &[u32], window: &Window<'_>) -> [Axis; 3] {
    let (x, y) = (spatial(x), spatial(y));
    core::array::from_fn(|i| Axis {
        input: x[i] as usize,
        output: y[i] as usize,
        kernel: window.kernel[i] as usize,
        stride: window.stride[i] as usize,
        dilation: window.dilation[i] as usize,
        pad: window.pad_begin[i] as usize,
    })
}

/// A pooling over `x` that gives `y`.
pub(super) fn pool(x: &[u32], y: &[u32], window: &Window<'_>) -> Pool {
    let channels = x.last().map_or(1, |&c| c as usize);
    Pool { batch: x.first().map_or(1, |&n| n as usize), channels, axes: axes(x, y, window) }
}
