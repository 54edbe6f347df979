//! The integer kernels once, for instruction sets with 128-bit registers.
//!
//! ```text
//! wasm32, aarch64  --Lanes-->  conv_i8, matmul_i8, depthwise_conv_i8, …
//! ```
//!
//! An instruction set multiplies either elements widened to `i16` or the bytes as they are, then without a copy where rows of
//! the input already are what is multiplied.
//!
//! Zero points leave the inner loops: operands go into them as they are, padding is made of `x_zero`, and
//! `Σ (x - x_zero) · w = Σ x·w - x_zero · Σ w`, where the last sum is the same for every window.

mod conv_f32;
mod conv_i8;
mod depthwise_conv_i8;
mod elementwise_i8;
mod field;
mod matmul_i8;
mod packed;
mod panel;
#[cfg(test)]
mod portable;
#[cfg(test)]
mod tests;
mod window_i8;

pub(crate) use conv_f32::conv_f32;
pub(crate) use conv_i8::conv_i8;
pub(crate) use depthwise_conv_i8::{depthwise_conv_i8, pack_depthwise_conv_i8};
pub(crate) use elementwise_i8::{add_i8, mul_i8};
pub(crate) use matmul_i8::matmul_i8;
pub(crate) use packed::pack_conv_i8;

use crate::ToI8;

/// Four sums, and products of units: `U` operands that meet the `U` weights of each of four channels. `N` is `4 · U`.
///
/// # Safety
/// [`Lanes::Weights`] are plain data: without padding, and whatever the bytes are, they are some.
pub(crate) unsafe trait Lanes<const N: usize, const U: usize>: 'static {
    /// An operand of a product: an `i8`, or an `i16` where products of bytes are slower.
    type Element: Copy;
    /// A unit of the weights of four channels.
    type Weights: Copy + 'static;
    /// Four `i32`, which wrap.
    type Sums: Copy;
    /// Four `f32`.
    type Reals: Four;
    /// 0
    const ZERO: Self::Element;
    /// 0
    const NO_WEIGHTS: Self::Weights;

    /// One element.
    fn element(x: i8) -> Self::Element;
    /// `N` of them.
    fn elements(x: &[i8; N]) -> [Self::Element; N];
    /// The same, where they are bytes.
    fn in_place(x: &[i8]) -> Option<&[Self::Element]>;
    /// Four units of the weights of four channels, and `sums` plus those weights, by channel.
    fn weights(rows: [&[i8; N]; 4], sums: Self::Sums) -> ([Self::Weights; 4], Self::Sums);
    /// `sums[o]` plus the products of the unit with that of channel `o`.
    fn dot(sums: Self::Sums, x: &[Self::Element; U], w: Self::Weights) -> Self::Sums;

    /// These sums.
    fn sums(x: [i32; 4]) -> Self::Sums;
    /// Their values.
    fn values(sums: Self::Sums) -> [i32; 4];
    /// Lane by lane.
    fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums;

    /// Two taps of the weights of eight channels, as [`Lanes::taps`] wants them.
    fn tap_weights(a: &[i8; 8], b: &[i8; 8]) -> [[i16; 8]; 2];
    /// `sums` of eight channels plus the products of two taps, `a` and `b`, with their weights.
    fn taps(sums: [Self::Sums; 2], a: &[i8; 8], b: &[i8; 8], weights: &[[i16; 8]; 2]) -> [Self::Sums; 2];

    /// `f32(x - zero)`
    fn real(x: &[i8; 8], zero: i8) -> [Self::Reals; 2];
    /// [`ToI8::round`] of eight reals.
    fn round(v: [Self::Reals; 2], output: ToI8) -> [i8; 8];
    /// [`ToI8::requantize`] of eight sums.
    fn requantize(sums: [Self::Sums; 2], scale: [Self::Reals; 2], output: ToI8) -> [i8; 8];
}

/// Four `f32`.
pub(crate) trait Four: Copy {
    /// Four times `x`.
    fn splat(x: f32) -> Self;
    /// These.
    fn load(x: &[f32; 4]) -> Self;
    /// Their values.
    fn values(self) -> [f32; 4];
    /// Lane by lane.
    fn add(self, b: Self) -> Self;
    /// Lane by lane.
    fn mul(self, b: Self) -> Self;
    /// Lane by lane.
    fn div(self, b: Self) -> Self;
    /// `self + a · b`, rounded once or twice.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// Within `min` and `max`; NaN stays.
    fn clamp(self, min: Self, max: Self) -> Self;
}

/// Eight `f32`.
#[inline(always)]
fn load_8<F: Four>(x: &[f32; 8]) -> [F; 2] {
    // Never otherwise; a pattern of eight names would become eight loads.
    let [low, high] = x.as_chunks().0 else { return [F::splat(0.0); 2] };
    [F::load(low), F::load(high)]
}

/// Declares a set of kernels on lanes.
macro_rules! set {
    ($(#[$doc:meta])* $vis:vis $set:ident: $lanes:ty, $n:literal, $u:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        $vis struct $set;

        impl $crate::Kernels for $set {
            fn conv_f32(args: $crate::ConvF32<'_>) {
                $crate::lanes::conv_f32::<<$lanes as $crate::lanes::Lanes<$n, $u>>::Reals>(args);
            }

            fn conv_i8(conv: &$crate::int8::ConvI8<'_>, y: &mut [i8]) {
                $crate::lanes::conv_i8::<$lanes, $n, $u>(conv, &[], y);
            }

            fn pack_conv_i8(conv: &$crate::int8::ConvI8<'_>, out: &mut [u8]) -> usize {
                $crate::lanes::pack_conv_i8::<$lanes, $n, $u>(conv, out)
            }

            fn packed_conv_i8(conv: &$crate::int8::ConvI8<'_>, packed: &[u8], y: &mut [i8]) {
                $crate::lanes::conv_i8::<$lanes, $n, $u>(conv, packed, y);
            }

            fn depthwise_conv_i8(conv: &$crate::int8::ConvI8<'_>, y: &mut [i8]) {
                $crate::lanes::depthwise_conv_i8::<$lanes, $n, $u>(conv, &[], y);
            }

            fn pack_depthwise_conv_i8(conv: &$crate::int8::ConvI8<'_>, out: &mut [u8]) -> usize {
                $crate::lanes::pack_depthwise_conv_i8::<$lanes, $n, $u>(conv, out)
            }

            fn packed_depthwise_conv_i8(conv: &$crate::int8::ConvI8<'_>, packed: &[u8], y: &mut [i8]) {
                $crate::lanes::depthwise_conv_i8::<$lanes, $n, $u>(conv, packed, y);
            }

            fn matmul_i8(product: &$crate::int8::MatMulI8<'_>, y: &mut [i8]) {
                $crate::lanes::matmul_i8::<$lanes, $n, $u>(product, y);
            }

            fn add_i8(steps: &$crate::int8::BinaryI8, y: &mut [i8], b: &[i8]) {
                $crate::lanes::add_i8::<$lanes, $n, $u>(steps, y, b);
            }

            fn mul_i8(steps: &$crate::int8::BinaryI8, y: &mut [i8], b: &[i8]) {
                $crate::lanes::mul_i8::<$lanes, $n, $u>(steps, y, b);
            }
        }
    };
}
pub(crate) use set;
