//! Kernels: slices in, slices out.
//!
//! [`Generic`] holds the portable kernels, which are also the oracle: every other set of kernels equals it, bit for
//! bit in integers. A set overrides the methods of [`Kernels`] that it does better.
//!
//! Kernels know nothing of operators, files or plans. Every function is total: operands whose lengths do not match
//! their geometry give wrong numbers, never a panic or a read out of bounds.
#![cfg_attr(not(test), no_std)]

#[cfg(all(feature = "std", not(test)))]
extern crate std;

// For tests that are shared with those from outside.
#[cfg(test)]
extern crate self as siskin_kernels;

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod activation;
#[cfg(siskin_dsp)]
mod arm;
mod choose;
mod conv;
pub mod double;
#[cfg(test)]
#[path = "../tests/drawn/mod.rs"]
mod drawn;
pub mod generic;
mod geometry;
pub mod int8;
#[cfg(any(test, target_arch = "aarch64", all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes;
pub mod math;
mod matrix;
mod recurrent;
mod round;
#[cfg(feature = "threads")]
pub mod threads;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;
mod widen;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub use aarch64::{Dotprod, Neon};
pub use activation::{Activation, Function};
#[cfg(siskin_dsp)]
pub use arm::Dsp;
#[cfg(siskin_mve)]
pub use arm::Mve;
pub use choose::{WithKernels, best};
pub use conv::{ConvF32, Weights};
pub use geometry::{Axis, Conv, Pool};
use int8::{AveragePoolI8, BinaryI8, ConvI8, MatMulI8, Patch, Rows, SoftmaxI8, Sums};
pub use matrix::MatMulF32;
pub use recurrent::{GruF32, LstmF32, RnnF32};
pub use round::{ToI8, quantize, requantize, round_half_even};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use wasm32::Simd128;

/// A set of kernels.
pub trait Kernels: Sized + 'static {
    /// Convolution of real values, [`generic::conv_f32`].
    fn conv_f32(args: ConvF32<'_>) {
        generic::conv_f32(args);
    }

    /// Packs the weights of a convolution for [`Kernels::packed_conv_f32`] into `out`, if there is room for all. Returns how many
    /// elements they take; 0 if this set has no packed form of it.
    fn pack_conv_f32(g: &Conv, w: Weights<'_>, out: &mut [f32]) -> usize {
        let _ = (g, w, out);
        0
    }

    /// As [`Kernels::conv_f32`]. `packed` is what [`Kernels::pack_conv_f32`] made of these weights, or empty; other elements give
    /// wrong numbers.
    fn packed_conv_f32(args: ConvF32<'_>, packed: &[f32]) {
        let _ = packed;
        Self::conv_f32(args);
    }

    /// Transposed convolution of real values, [`generic::conv_transpose_f32`].
    fn conv_transpose_f32(args: ConvF32<'_>) {
        generic::conv_transpose_f32(args);
    }

    /// As [`Kernels::pack_conv_f32`], for [`Kernels::packed_conv_transpose_f32`].
    fn pack_conv_transpose_f32(g: &Conv, w: Weights<'_>, out: &mut [f32]) -> usize {
        let _ = (g, w, out);
        0
    }

    /// As [`Kernels::conv_transpose_f32`]; see [`Kernels::packed_conv_f32`].
    fn packed_conv_transpose_f32(args: ConvF32<'_>, packed: &[f32]) {
        let _ = packed;
        Self::conv_transpose_f32(args);
    }

    /// The greatest element of each window, [`generic::max_pool`].
    fn max_pool<T: generic::Ordered>(g: &Pool, x: &[T], y: &mut [T]) {
        generic::max_pool(g, x, y);
    }

    /// The mean of each window, [`generic::average_pool_f32`].
    fn average_pool_f32(g: &Pool, counted: &[Axis; 3], x: &[f32], y: &mut [f32]) {
        generic::average_pool_f32(g, counted, x, y);
    }

    /// A row brought to mean 0 and variance 1, [`generic::normalize_f32`].
    fn normalize_f32(row: &mut [f32], epsilon: f32) -> (f32, f32) {
        generic::normalize_f32(row, epsilon)
    }

    /// A row brought to root mean square 1, [`generic::rms_normalize_f32`].
    fn rms_normalize_f32(row: &mut [f32], epsilon: f32) {
        generic::rms_normalize_f32(row, epsilon);
    }

    /// A matrix product, [`generic::matmul_f32`].
    fn matmul_f32(args: MatMulF32<'_>) {
        generic::matmul_f32(args);
    }

    /// Packs the matrix `b`, `[k, n]` or `[n, k]`, for [`Kernels::packed_matmul_f32`], as [`Kernels::pack_conv_f32`] packs weights.
    fn pack_matmul_f32(b: Weights<'_>, k: usize, n: usize, transpose_b: bool, out: &mut [f32]) -> usize {
        let _ = (b, k, n, transpose_b, out);
        0
    }

    /// As [`Kernels::matmul_f32`]; see [`Kernels::packed_conv_f32`].
    fn packed_matmul_f32(args: MatMulF32<'_>, packed: &[f32]) {
        let _ = packed;
        Self::matmul_f32(args);
    }

    /// As [`Kernels::gru_f32`], with `w` and `r` packed as transposed matrices, or both empty.
    fn packed_gru_f32(args: GruF32<'_>, packed: [&[f32]; 2]) {
        let _ = packed;
        Self::gru_f32(args);
    }

    /// As [`Kernels::lstm_f32`], with `w` and `r` packed as transposed matrices, or both empty.
    fn packed_lstm_f32(args: LstmF32<'_>, packed: [&[f32]; 2]) {
        let _ = packed;
        Self::lstm_f32(args);
    }

    /// One step of an Elman cell.
    fn rnn_f32(args: RnnF32<'_>) {
        generic::rnn_f32::<Self>(args);
    }

    /// One step of a gated recurrent unit.
    fn gru_f32(args: GruF32<'_>) {
        generic::gru_f32::<Self>(args);
    }

    /// One step of a long short-term memory.
    fn lstm_f32(args: LstmF32<'_>) {
        generic::lstm_f32::<Self>(args);
    }

    /// See [`generic::tile_i8`]: the inner loop of the other integer kernels.
    fn tile_i8(sums: &mut [Sums], patches: &[Patch], weights: Rows<'_>) {
        generic::tile_i8(sums, patches, weights);
    }

    /// See [`generic::conv_i8`].
    fn conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
        generic::conv_i8::<Self>(conv, y);
    }

    /// See [`generic::depthwise_conv_i8`].
    fn depthwise_conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
        generic::depthwise_conv_i8(conv, y);
    }

    /// Packs the constants of a convolution for [`Kernels::packed_conv_i8`] into `out`, if there is room for all. Returns how
    /// many bytes they take; 0 if this set has no packed form of it.
    fn pack_conv_i8(conv: &ConvI8<'_>, out: &mut [u8]) -> usize {
        let _ = (conv, out);
        0
    }

    /// As [`Kernels::conv_i8`]. `packed` is what [`Kernels::pack_conv_i8`] made of this convolution, or empty; other bytes give
    /// wrong numbers.
    fn packed_conv_i8(conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8]) {
        let _ = packed;
        Self::conv_i8(conv, y);
    }

    /// As [`Kernels::pack_conv_i8`], for [`Kernels::packed_depthwise_conv_i8`].
    fn pack_depthwise_conv_i8(conv: &ConvI8<'_>, out: &mut [u8]) -> usize {
        let _ = (conv, out);
        0
    }

    /// As [`Kernels::depthwise_conv_i8`]; see [`Kernels::packed_conv_i8`].
    fn packed_depthwise_conv_i8(conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8]) {
        let _ = packed;
        Self::depthwise_conv_i8(conv, y);
    }

    /// See [`generic::conv_transpose_i8`].
    fn conv_transpose_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
        generic::conv_transpose_i8::<Self>(conv, y);
    }

    /// See [`generic::matmul_i8`].
    fn matmul_i8(product: &MatMulI8<'_>, y: &mut [i8]) {
        generic::matmul_i8::<Self>(product, y);
    }

    /// See [`generic::average_pool_i8`].
    fn average_pool_i8(pool: &AveragePoolI8<'_>, y: &mut [i8]) {
        generic::average_pool_i8(pool, y);
    }

    /// See [`generic::add_i8`].
    fn add_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
        generic::add_i8(steps, y, b);
    }

    /// See [`generic::mul_i8`].
    fn mul_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
        generic::mul_i8(steps, y, b);
    }

    /// See [`generic::softmax_i8`].
    fn softmax_i8(softmax: &SoftmaxI8<'_>, y: &mut [i8]) {
        generic::softmax_i8(softmax, y);
    }

    /// See [`generic::lut_i8`].
    fn lut_i8(table: &[i8], y: &mut [i8]) {
        generic::lut_i8(table, y);
    }

    /// `y[i] = f(y[i])`
    #[inline(always)]
    fn map_f32(y: &mut [f32], f: impl Fn(f32) -> f32) {
        y.iter_mut().for_each(|y| *y = f(*y));
    }

    /// Softmax over each lane of `len` elements that lie `inner` apart, in place.
    fn softmax_f32(y: &mut [f32], len: usize, inner: usize) {
        generic::softmax_f32(y, len, inner);
    }

    /// The logarithm of softmax, likewise.
    fn log_softmax_f32(y: &mut [f32], len: usize, inner: usize) {
        generic::log_softmax_f32(y, len, inner);
    }
}

/// The portable kernels.
#[derive(Clone, Copy, Debug)]
pub struct Generic;

impl Kernels for Generic {}

/// The kernels of the core that the program is built for.
#[cfg(siskin_mve)]
pub type Native = Mve;

/// The kernels of the core that the program is built for.
#[cfg(all(siskin_dsp, not(siskin_mve)))]
pub type Native = Dsp;

/// The kernels of the core that the program is built for.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub type Native = Simd128;

/// The kernels of the core that the program is built for.
#[cfg(all(target_arch = "aarch64", target_feature = "dotprod"))]
pub type Native = Dotprod;

/// The kernels of the core that the program is built for.
#[cfg(all(target_arch = "aarch64", not(target_feature = "dotprod")))]
pub type Native = Neon;

/// The kernels of the core that the program is built for: here the portable ones.
#[cfg(not(any(siskin_dsp, target_arch = "aarch64", all(target_arch = "wasm32", target_feature = "simd128"))))]
pub type Native = Generic;
