//! Sliding windows: what convolutions and poolings check of their attributes, and how long their outputs are.
//!
//! ```text
//! y = floor((x + pad_begin + pad_end - ((kernel - 1) · dilation + 1)) / stride) + 1
//! ```
//!
//! Tensors are `[N, spatial…, C]` with one to three spatial axes. Attributes have three entries, aligned at the end:
//! the last belongs to the last spatial axis, and those of axes that are not there are 1, or 0 for padding.

use crate::{Axes, Refusal, Shape};
use siskin_kernels::{Axis, Pool};

/// No padded axis may be longer, so that positions fit every index type.
pub(super) const MAX_LEN: u64 = 1 << 31;

/// The attributes of a window.
pub(super) struct Window<'a> {
    pub(super) kernel: &'a [u32; 3],
    pub(super) stride: &'a [u32; 3],
    pub(super) dilation: &'a [u32; 3],
    pub(super) pad_begin: &'a [u32; 3],
    pub(super) pad_end: &'a [u32; 3],
}

impl Window<'_> {
    /// The axes of the window over `x`: each attribute checked, each output at least one element long.
    pub(super) fn axes(&self, x: &[u32]) -> Result<[Axis; 3], Refusal> {
        let input = spatial(x)?;
        let mut axes = [Axis::UNIT; 3];
        for (i, axis) in axes.iter_mut().enumerate() {
            let at = |v: &[u32; 3]| v.get(i).copied().unwrap_or(1);
            let pads = (at(self.pad_begin), at(self.pad_end));
            *axis = one_axis(at(&input), at(self.kernel), at(self.stride), at(self.dilation), pads)?;
        }
        unused_are_neutral(x, &axes)?;
        Ok(axes)
    }
}

fn one_axis(input: u32, kernel: u32, stride: u32, dilation: u32, (begin, end): (u32, u32)) -> Result<Axis, Refusal> {
    let reach = reach(kernel, dilation)?;
    let padded = u64::from(input).saturating_add(begin.into()).saturating_add(end.into());
    let steps = padded.checked_sub(reach).ok_or(Refusal::Shape)?.checked_div(stride.into()).ok_or(Refusal::Attrs)?;
    if padded > MAX_LEN {
        return Err(Refusal::Attrs);
    }
    Ok(Axis {
        input: input as usize,
        output: (steps as usize).saturating_add(1),
        kernel: kernel as usize,
        stride: stride as usize,
        dilation: dilation as usize,
        pad: begin as usize,
    })
}

/// The input elements from a window's first tap to its last.
pub(super) fn reach(kernel: u32, dilation: u32) -> Result<u64, Refusal> {
    if dilation == 0 {
        return Err(Refusal::Attrs);
    }
    let last = u64::from(kernel).checked_sub(1).ok_or(Refusal::Attrs)?;
    Ok(last.saturating_mul(dilation.into()).saturating_add(1))
}

/// The lengths of the spatial axes of `[N, spatial…, C]`, aligned at the end, 1 where there is none.
///
/// # Errors
/// [`Refusal::Shape`] if there is no spatial axis, more than three, or an axis of length 0.
pub(super) fn spatial(x: &[u32]) -> Result<[u32; 3], Refusal> {
    let mut lengths = [1; 3];
    let between = x.split_last().and_then(|(_, rest)| rest.split_first()).map_or(&[][..], |(_, s)| s);
    if between.is_empty() || between.len() > 3 || x.contains(&0) {
        return Err(Refusal::Shape);
    }
    lengths.iter_mut().rev().zip(between.iter().rev()).for_each(|(l, &d)| *l = d);
    Ok(lengths)
}

/// Checks the attributes of spatial axes that are not there.
pub(super) fn unused_are_neutral(x: &[u32], axes: &[Axis; 3]) -> Result<(), Refusal> {
    let unused = 5usize.saturating_sub(x.rank());
    if axes.iter().take(unused).all(|a| *a == Axis::UNIT) { Ok(()) } else { Err(Refusal::Attrs) }
}

/// `[N, spatial…, C]` of these samples and channels with the outputs of `axes`, with as many axes as `x`.
pub(super) fn output(x: &[u32], axes: &[Axis; 3], channels: u32) -> Result<Shape, Refusal> {
    let mut shape = Shape::of(x);
    let mut last_first = shape.dims_mut().iter_mut().rev();
    if let Some(last) = last_first.next() {
        *last = channels;
    }
    // The zip ends at the first spatial axis or after three; what remains is the number of samples.
    for (dim, axis) in last_first.take(x.rank().saturating_sub(2)).zip(axes.iter().rev()) {
        *dim = u32::try_from(axis.output).map_err(|_| Refusal::Shape)?;
    }
    shape.checked_elements().map(|_| shape).ok_or(Refusal::Shape)
}

/// The geometry and the output's shape of a pooling, which keeps samples and channels.
pub(super) fn pool(x: &[u32], window: &Window<'_>) -> Result<(Pool, Shape), Refusal> {
    let axes = window.axes(x)?;
    let pool = Pool { batch: x.dim(0) as usize, channels: channels(x) as usize, axes };
    Ok((pool, output(x, &axes, channels(x))?))
}

/// The last axis.
pub(super) fn channels(shape: &[u32]) -> u32 {
    shape.last().copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(input: u32, kernel: u32, stride: u32, dilation: u32, pads: (u32, u32)) -> Result<usize, Refusal> {
        one_axis(input, kernel, stride, dilation, pads).map(|a| a.output)
    }

    #[test]
    fn lengths_are_checked() {
        assert_eq!(axis(7, 3, 2, 1, (1, 1)), Ok(4));
        assert_eq!(axis(8, 3, 1, 3, (0, 0)), Ok(2));
        assert_eq!(axis(2, 3, 1, 1, (0, 0)), Err(Refusal::Shape));
        assert_eq!(axis(8, 3, 0, 1, (0, 0)), Err(Refusal::Attrs));
        assert_eq!(axis(8, 3, 1, 0, (0, 0)), Err(Refusal::Attrs));
        assert_eq!(axis(8, 0, 1, 1, (0, 0)), Err(Refusal::Attrs));
        assert_eq!(axis(8, u32::MAX, 1, u32::MAX, (0, 0)), Err(Refusal::Shape));
        assert_eq!(axis(8, 1, 1, 1, (u32::MAX, u32::MAX)), Err(Refusal::Attrs));
    }
}
