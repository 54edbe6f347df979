//! `DFT`, `STFT`: discrete Fourier transforms, as products with a constant matrix.
//!
//! ```text
//! forward   y[k] = Σ x[n]·e^(-2πi·k·n/L)
//! inverse   y[k] = Σ x[n]·e^(2πi·k·n/L) / L
//!
//! DFT       [.., N·c] · [N·c, K·2]                       c parts of each value: 1 if real, 2 if complex
//! STFT      a convolution over time with K·2 filters of L taps, stride frame_step; the window folds into the filters
//! ```
//!
//! The matrix takes `N·c·K·2` values of the artifact: fine for the frames of speech, not for transforms of many
//! thousand points.

use super::binary::convert;
use super::shape::{Made, one, reshape, transpose};
use super::{ImportError, NodeContext, Translate};
use crate::import::window::aligned;
use crate::ir::{Tensor, ValueId};
use siskin::DType;
use siskin::attrs::NoAttrs;
use siskin::op::{Conv, ConvAttrs, Mul};

pub(super) const OPERATORS: &[(&str, Translate)] = &[("DFT", dft), ("STFT", stft)];

/// A transform of `points` points, of which `taken` come in and `bins` go out.
struct Transform {
    points: u32,
    taken: u32,
    bins: u32,
    /// Parts of each value that comes in.
    parts: u32,
    inverse: bool,
}

impl Transform {
    /// The factor of part `p` of value `n` in part `q` of bin `k`.
    fn at(&self, n: u32, p: u32, k: u32, q: u32) -> f32 {
        // Reduced in integers, so that great indices lose nothing.
        let turn = u64::from(n) * u64::from(k) % u64::from(self.points.max(1));
        let angle = turn as f64 / f64::from(self.points) * core::f64::consts::TAU;
        let (sin, scale) = if self.inverse { (angle.sin(), 1.0 / f64::from(self.points)) } else { (-angle.sin(), 1.0) };
        let factor = match (p, q) {
            (0, 0) | (1, 1) => angle.cos(),
            (0, _) => sin,
            _ => -sin,
        };
        (factor * scale) as f32
    }

    /// `[taken·parts, bins·2]`, or its transpose.
    fn matrix(&self, bins_first: bool) -> Vec<f32> {
        let inputs = || (0..self.taken).flat_map(|n| (0..self.parts).map(move |p| (n, p)));
        let outputs = || (0..self.bins).flat_map(|k| (0..2).map(move |q| (k, q)));
        if bins_first {
            outputs().flat_map(|(k, q)| inputs().map(move |(n, p)| self.at(n, p, k, q))).collect()
        } else {
            inputs().flat_map(|(n, p)| outputs().map(move |(k, q)| self.at(n, p, k, q))).collect()
        }
    }
}

/// The one integer of operand `i`, which must be a constant and positive.
fn length(cx: &NodeContext<'_>, i: usize, what: &str) -> Result<Option<u32>, ImportError> {
    let Some(values) = cx.ints(i)? else { return Ok(None) };
    match values[..] {
        [n] if n > 0 => u32::try_from(n).map(Some).map_err(|_| cx.error(format!("{what} {n} exceeds 2^32"))),
        _ => cx.fail(format!("{what} must be one positive integer, not {values:?}")),
    }
}

/// The number of bins of which the others are conjugates.
fn half(points: u32) -> u32 {
    points / 2 + 1
}

/// The parts of each value of a signal: its last axis.
fn parts(cx: &NodeContext<'_>, x: ValueId) -> Result<u32, ImportError> {
    match cx.dims(x)[..] {
        [_, .., parts @ (1 | 2)] => Ok(parts),
        _ => cx.fail("the last axis of its input must hold 1 part (real) or 2 parts (complex) of each value"),
    }
}

fn dft(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let (parts, rank) = (parts(cx, x)?, cx.rank(x));
    let axis = if cx.opset() < 20 {
        cx.int_or("axis", 1)?
    } else {
        cx.ints(2)?.and_then(|v| v.first().copied()).unwrap_or(-2)
    };
    let axis = cx.axis(axis, rank)?;
    if axis + 1 == rank {
        return cx.fail("the axis of the transform must not be the last one, which holds the parts of each value");
    }
    let found = cx.dims(x)[axis];
    let points = length(cx, 1, "dft_length")?.unwrap_or(found);
    let (inverse, onesided) = (cx.int_or("inverse", 0)? != 0, cx.int_or("onesided", 0)? != 0);
    if inverse && onesided {
        return cx.fail("a onesided inverse transform is not supported: give all bins and set onesided = 0");
    }
    let bins = if onesided { half(points) } else { points };
    let transform = Transform { points, taken: found.min(points), bins, parts, inverse };
    // The axis comes to stand before the parts, and goes back.
    let mut order: Vec<u32> = (0..rank as u32).collect();
    order[axis..rank - 1].rotate_left(1);
    let moved = transpose(cx, x, &order)?;
    let mut dims = cx.dims(moved);
    let mut y = cut(cx, moved, transform.taken)?;
    dims.truncate(rank - 2);
    y = product(cx, y, &dims, &transform)?;
    let mut back: Vec<u32> = (0..rank as u32).collect();
    back[axis..rank - 1].rotate_right(1);
    one(transpose(cx, y, &back)?)
}

/// The first `n` values of the axis before the last.
fn cut(cx: &mut NodeContext<'_>, x: ValueId, n: u32) -> Result<ValueId, ImportError> {
    use super::slicing::{Cut, slice};
    let mut cuts: Vec<Cut> = cx.dims(x).into_iter().map(Cut::whole).collect();
    let axis = cuts.len() - 2;
    cuts[axis] = Cut::part(0, n);
    slice(cx, x, &cuts)
}

/// `[outer.., taken, parts]` to `[outer.., bins, 2]`.
fn product(cx: &mut NodeContext<'_>, x: ValueId, outer: &[u32], transform: &Transform) -> Result<ValueId, ImportError> {
    let (inputs, outputs) = (transform.taken * transform.parts, transform.bins * 2);
    let matrix = Tensor::new(&[inputs, outputs], &transform.matrix(false));
    let matrix = matrix.ok_or_else(|| cx.error("the matrix of this transform exceeds 4 GiB: use fewer points"))?;
    let matrix = cx.add_const(matrix);
    let dtype = cx.dtype(x);
    let matrix = convert(cx, matrix, dtype)?;
    let rows: u32 = outer.iter().product();
    let x = reshape(cx, x, &[rows, inputs])?;
    let y = super::matmul::product(cx, x, matrix, false, None)?;
    let dims: Vec<u32> = outer.iter().copied().chain([transform.bins, 2]).collect();
    reshape(cx, y, &dims)
}

fn stft(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let (parts, window) = (parts(cx, x)?, cx.opt(2));
    let [_, samples, _] = cx.dims(x)[..] else {
        return cx.fail("the signal must have 3 axes: batch, time and the parts of each value");
    };
    if cx.dtype(x) != DType::F32 {
        let dtype = cx.dtype(x);
        return cx.fail(format!("the signal holds {dtype}, but f32 is supported: cast it when exporting"));
    }
    let step = length(cx, 1, "frame_step")?.ok_or_else(|| cx.error("frame_step is missing"))?;
    let whole = window.map_or(samples, |w| cx.dims(w).iter().product());
    let points = length(cx, 3, "frame_length")?.unwrap_or(whole);
    if points > samples {
        return cx.fail(format!("frames of {points} values do not fit into a signal of {samples}"));
    }
    let onesided = cx.int_or("onesided", 1)? != 0;
    let bins = if onesided { half(points) } else { points };
    let transform = Transform { points, taken: points, bins, parts, inverse: false };
    let filters = Tensor::new(&[bins * 2, points, parts], &transform.matrix(true));
    let filters = filters.ok_or_else(|| cx.error("the matrix of this transform exceeds 4 GiB: use shorter frames"))?;
    let mut filters = cx.add_const(filters);
    if let Some(window) = window {
        let window = reshape(cx, window, &[1, whole, 1])?;
        filters = cx.op::<Mul>(&NoAttrs {}, &[filters, window])?;
    }
    let attrs = ConvAttrs { stride: aligned(&[step], 1), ..ConvAttrs::default() };
    let y = cx.op::<Conv>(&attrs, &[x, filters])?;
    let [batch, frames, _] = cx.dims(y)[..] else { return cx.fail("a convolution changed its axes") };
    one(reshape(cx, y, &[batch, frames, bins, 2])?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::import::testing::{fold, int};

    fn close(got: &Tensor, dims: &[u32], want: &[f32]) {
        let near = got.to_f32().iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-5);
        assert!(near && got.dims() == dims && got.to_f32().len() == want.len(), "{got:?}, not {want:?}");
    }

    #[test]
    fn transforms_back_to_itself() {
        let x = Tensor::new(&[1, 3, 2], &[1.0f32, -1.0, 2.0, 0.5, -3.0, 4.0]).unwrap();
        let there = fold(dft, &[], &[Some(&x)]).unwrap();
        close(&fold(dft, &[int("inverse", 1)], &[Some(&there)]).unwrap(), &[1, 3, 2], &x.to_f32());
    }

    #[test]
    fn length_pads_and_cuts() {
        let x = Tensor::new(&[1, 3, 1], &[1.0f32, 2.0, 3.0]).unwrap();
        let of = |n: i64| fold(dft, &[int("onesided", 1)], &[Some(&x), Some(&Tensor::scalar(n))]).unwrap();
        close(&of(4), &[1, 3, 2], &[6.0, 0.0, -2.0, -2.0, 2.0, 0.0]);
        close(&of(2), &[1, 2, 2], &[3.0, 0.0, -1.0, 0.0]);
        let e = fold(dft, &[], &[Some(&x), None, Some(&Tensor::scalar(2i64))]).unwrap_err().to_string();
        assert!(e.contains("must not be the last one"), "{e}");
    }

    #[test]
    fn frames_are_windowed() {
        let signal = Tensor::new(&[1, 4, 1], &[1.0f32, 2.0, 3.0, 4.0]).unwrap();
        let (step, window) = (Tensor::scalar(2i64), Tensor::vector(&[1.0f32, 0.5]));
        let y = fold(stft, &[], &[Some(&signal), Some(&step), Some(&window)]).unwrap();
        close(&y, &[1, 2, 2, 2], &[2.0, 0.0, 0.0, 0.0, 5.0, 0.0, 1.0, 0.0]);
        let long = fold(stft, &[], &[Some(&signal), Some(&step), None, Some(&Tensor::scalar(5i64))]);
        assert!(long.unwrap_err().to_string().contains("frames of 5 values do not fit"));
    }
}
