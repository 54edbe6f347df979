//! Two 16-bit products per instruction: `SMLAD`.
//!
//! ```text
//! SMLAD   s, x, w, s     s += x.low · w.low + x.high · w.high
//! SXTB16  e, w           e = (w[0], w[2]), the bytes of a word widened
//! SXTB16  o, w, ROR #8   o = (w[1], w[3])
//! SXTAB16 e, z, x        e = (x[0] + z.low, x[2] + z.high)
//! ```
//!
//! Weights are read as they lie in the file and widened in registers, for as many pixels as registers hold sums of.
//! Activations are widened once, in the same order of even and odd bytes, and lose their zero point on the way.

mod conv_i8;
mod depthwise_conv_i8;
mod finish;
mod line_i8;
mod one_i8;
mod patch_i8;
mod rows_i8;
mod strip_i8;

use crate::Kernels;
use crate::int8::ConvI8;

/// The kernels of cores with the DSP extension and an FPU: Cortex-M4, M7, M33.
#[derive(Clone, Copy, Debug)]
pub struct Dsp;

impl Kernels for Dsp {
    fn conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
        conv_i8::conv_i8(conv, y);
    }

    fn depthwise_conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
        depthwise_conv_i8::depthwise_conv_i8(conv, y);
    }
}

/// `-zero` in both halves of a word: what `SXTAB16` adds.
fn minus(zero: i8) -> u32 {
    u32::from(i16::from(zero).wrapping_neg().cast_unsigned()).wrapping_mul(0x1_0001)
}
