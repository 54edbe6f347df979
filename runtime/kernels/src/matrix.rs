//! The operands of matrix products.

use crate::Weights;

/// `y = clamp(a·b + bias)`, row-major; as many rows as `y` has.
#[derive(Debug)]
pub struct MatMulF32<'a> {
    /// `[m, k]`
    pub a: &'a [f32],
    /// `[k, n]`, or `[n, k]` if `transpose_b`.
    pub b: Weights<'a>,
    /// `[n]`, or empty for none.
    pub bias: &'a [f32],
    /// `[m, n]`, overwritten.
    pub y: &'a mut [f32],
    /// Columns of `a`.
    pub k: usize,
    /// Columns of `y`.
    pub n: usize,
    /// Whether `b` lies with its columns as rows.
    pub transpose_b: bool,
    /// The least output; negative infinity for no bound.
    pub min: f32,
    /// The greatest output; infinity for no bound.
    pub max: f32,
}
