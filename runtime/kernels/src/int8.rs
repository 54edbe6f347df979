//! Operands of the integer kernels.
//!
//! Weights are symmetric (their zero point is 0), activations are not; a zero point is the integer that stands for the
//! real 0, and padding is made of it. Sums are `i32` and wrap.

use crate::{Conv, ToI8};

/// Rows of a patch buffer: output positions that share a pass over the weights.
pub const TILE_ROWS: usize = 4;

/// Elements of a patch: the stretch of a receptive field that is multiplied at a time.
pub const TILE_DEPTH: usize = 128;

/// Output channels of a tile.
pub const TILE_COLS: usize = 16;

/// A stretch of one receptive field, zero point subtracted, 0 in the padding.
pub type Patch = [i16; TILE_DEPTH];

/// Sums of one position, by output channel.
pub type Sums = [i32; TILE_COLS];

/// Rows of weights, one per output channel: row `o` is `data[o·stride..][..len]`.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// All rows; ends with the last one.
    pub data: &'a [i8],
    /// Elements from the start of a row to that of the next.
    pub stride: usize,
    /// Elements of a row, at most [`TILE_DEPTH`].
    pub len: usize,
}

/// A convolution over two spatial axes, channels last; `geometry.axes[0]` is [`crate::Axis::UNIT`].
#[derive(Clone, Copy, Debug)]
pub struct ConvI8<'a> {
    /// Sizes, strides, padding.
    pub geometry: Conv,
    /// `[batch, height, width, in_channels]`
    pub x: &'a [i8],
    /// The zero point of `x`.
    pub x_zero: i8,
    /// As the kernel says.
    pub w: &'a [i8],
    /// By output channel, in steps of the sums.
    pub bias: &'a [i32],
    /// By output channel: real value of a step of the sums over that of a step of the output.
    pub scale: &'a [f32],
    /// The output's zero point and limits.
    pub output: ToI8,
}

/// A product of two matrices of activations.
#[derive(Clone, Copy, Debug)]
pub struct MatMulI8<'a> {
    /// Columns of `a`, rows of `b`.
    pub depth: usize,
    /// Columns of `b` and of the product.
    pub cols: usize,
    /// `[rows, depth]`
    pub a: &'a [i8],
    /// The zero point of `a`.
    pub a_zero: i8,
    /// `[depth, cols]`, or `[cols, depth]` if `transposed`.
    pub b: &'a [i8],
    /// The zero point of `b`.
    pub b_zero: i8,
    /// Whether `b` holds its columns as rows.
    pub transposed: bool,
    /// Real value of a step of the sums over that of a step of the output.
    pub scale: f32,
    /// The output's zero point and limits.
    pub output: ToI8,
}

/// An average over windows of two spatial axes, channels last.
#[derive(Clone, Copy, Debug)]
pub struct AveragePoolI8<'a> {
    /// Sizes, strides, padding; as many channels out as in.
    pub geometry: Conv,
    /// `[batch, height, width, channels]`
    pub x: &'a [i8],
    /// The zero point of `x`.
    pub x_zero: i8,
    /// The step of `x` over that of the output.
    pub scale: f32,
    /// Whether padding counts as elements of the window.
    pub count_include_pad: bool,
    /// The output's zero point and limits.
    pub output: ToI8,
}

/// The quantizations of an elementwise operator's operands.
#[derive(Clone, Copy, Debug)]
pub struct BinaryI8 {
    /// The step of the operand that the result replaces.
    pub a_scale: f32,
    /// Its zero point.
    pub a_zero: i8,
    /// The step of the other operand.
    pub b_scale: f32,
    /// Its zero point.
    pub b_zero: i8,
    /// The step of the output.
    pub y_scale: f32,
    /// The output's zero point and limits.
    pub output: ToI8,
}

/// A softmax over rows.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxI8<'a> {
    /// `powers[k] = exp(-2^k · x_scale)`, for `k = 0..8`.
    pub powers: &'a [f32],
    /// Elements of a row.
    pub row: usize,
    /// The step of the output.
    pub y_scale: f32,
    /// The output's zero point and limits.
    pub output: ToI8,
}
