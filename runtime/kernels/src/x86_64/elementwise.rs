//! The portable elementwise kernels, compiled for wider registers.

use crate::generic::{self, combine, softmax_row};
use crate::int8::BinaryI8;

/// As [`crate::generic::add_i8`].
#[target_feature(enable = "avx2")]
pub(super) fn add_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
    combine(steps, y, b, |a, b| a + b);
}

/// As [`crate::generic::mul_i8`].
#[target_feature(enable = "avx2")]
pub(super) fn mul_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
    combine(steps, y, b, |a, b| a * b);
}

/// `y[i] = f(y[i])`
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn map_f32(y: &mut [f32], f: impl Fn(f32) -> f32) {
    y.iter_mut().for_each(|y| *y = f(*y));
}

/// Softmax over rows of `len` elements.
#[target_feature(enable = "avx2,fma")]
pub(super) fn softmax_rows(y: &mut [f32], len: usize) {
    for row in y.chunks_exact_mut(len.max(1)) {
        softmax_row(row);
    }
}

/// As [`generic::normalize_f32`].
#[target_feature(enable = "avx2,fma")]
pub(super) fn normalize_f32(row: &mut [f32], epsilon: f32) -> (f32, f32) {
    generic::normalize_f32(row, epsilon)
}

/// As [`generic::rms_normalize_f32`].
#[target_feature(enable = "avx2,fma")]
pub(super) fn rms_normalize_f32(row: &mut [f32], epsilon: f32) {
    generic::rms_normalize_f32(row, epsilon);
}
