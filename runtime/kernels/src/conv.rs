//! What a convolution kernel works on.

use crate::Conv;
use half::f16;

/// Weights in either float format.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// Full precision.
    F32(&'a [f32]),
    /// Half precision, widened as they are used.
    F16(&'a [f16]),
}

/// One convolution, or one transposed convolution: operands, geometry and result.
#[derive(Debug)]
pub struct ConvF32<'a> {
    /// Lengths, strides and padding. Those of a transposed convolution are its own: `input` is the length of `x`, and
    /// input `i` under tap `k` adds to output `i · stride + k · dilation - pad`.
    pub geometry: Conv,
    /// `[batch, depth, height, width, in_channels]`
    pub x: &'a [f32],
    /// `[out_channels, kernel…, in_channels / groups]`
    pub w: Weights<'a>,
    /// `[out_channels]`, or empty.
    pub bias: &'a [f32],
    /// The results are clamped to these bounds.
    pub clamp: (f32, f32),
    /// As long as [`ConvF32::scratch_len`] says.
    pub scratch: &'a mut [f32],
    /// `[batch, depth, height, width, out_channels]`
    pub y: &'a mut [f32],
}

/// Output channels computed at once.
pub(crate) const LANES: usize = 8;

impl ConvF32<'_> {
    /// Elements of scratch that a convolution needs: the weights of the channels computed at once.
    #[must_use]
    pub fn scratch_len(geometry: &Conv) -> usize {
        geometry.filter_len().saturating_mul(LANES)
    }
}

/// `v` within the bounds; NaN stays NaN.
#[inline]
pub(crate) fn clamp(v: f32, (min, max): (f32, f32)) -> f32 {
    let v = if v < min { min } else { v };
    if v > max { max } else { v }
}
