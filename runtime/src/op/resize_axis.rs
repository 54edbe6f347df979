//! `ResizeAxis`: each element along an axis becomes a weighted sum of a few; all of ONNX's `Resize`, an axis at a time.
//!
//! ```text
//! y[a.., j, b..] = Σ_t weight[j, t] · x[a.., position[j, t], b..]
//! ```
//!
//! The tables are made when a model is compiled, so interpolation modes, coordinates and antialiasing cost no code
//! here. A tap at a negative position counts nothing. Without weights there is one tap a place, copied: any element
//! type; with them `f32`, `f16`, `f64`, `i8`, `u8` or `i16`.

use super::gather::after;
use super::number::Number;
use super::real::{is_real, weighted};
use crate::quant::round_half_even;
use crate::pairs::pairs;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Shape, Sig, bytes};
use bytemuck::Pod;

crate::attrs! {
    /// Attributes of [`ResizeAxis`].
    pub struct ResizeAxisAttrs {
        /// The axis that changes its length.
        pub axis: u32,
    }
}

/// `x, positions, weights? -> y`; see the module.
pub struct ResizeAxis;

impl Op for ResizeAxis {
    const CODE: Code = Code(170);
    const NAME: &'static str = "ResizeAxis";
    type Attrs = ResizeAxisAttrs;

    /// `[a.., n, b..], i32[m, taps], f32[m, taps]? -> [a.., m, b..]`
    fn infer(attrs: &ResizeAxisAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(3)?;
        let (x, positions) = (sig.ty(0)?, sig.shape(1, DType::I32)?);
        let &[places, taps] = positions else { return Err(Refusal::Shape) };
        if sig.opt(2).is_some() {
            if !is_real(x.dtype) {
                return Err(Refusal::DType);
            }
            if sig.shape(2, DType::F32)? != positions {
                return Err(Refusal::Shape);
            }
        } else if taps != 1 {
            return Err(Refusal::Shape);
        }
        let mut shape = Shape::of(x.shape);
        let dim = shape.dims_mut().get_mut(attrs.axis as usize).ok_or(Refusal::Attrs)?;
        if *dim == 0 && places != 0 {
            return Err(Refusal::Shape);
        }
        *dim = places;
        out.dims(x.dtype, &shape)
    }

    fn run<K: Kernels>(attrs: &ResizeAxisAttrs, io: &mut Io<'_>) {
        let [inner, ..] = blocks(attrs, io);
        match io.out_ty(0).map(|t| t.dtype) {
            _ if io.ty(2).is_none() => pick(attrs, io),
            Some(DType::F32) if inner < MANY / 2 => blend::<f32, 1>(attrs, io),
            Some(DType::F32) => blend::<f32, MANY>(attrs, io),
            Some(DType::I8) if inner >= MANY / 2 => blend::<i8, MANY>(attrs, io),
            Some(dtype) => blend_any(attrs, io, dtype),
            None => {}
        }
    }
}

/// Elements between neighbours along the axis, and in a whole block of `x` and of `y`.
fn blocks(attrs: &ResizeAxisAttrs, io: &Io<'_>) -> [usize; 3] {
    let axis = attrs.axis as usize;
    let (x, y) = (io.shape(0), io.out_shape(0));
    let inner = after(x, attrs.axis);
    [inner, inner.wrapping_mul(x.dim(axis) as usize), inner.wrapping_mul(y.dim(axis) as usize)]
}

fn pick(attrs: &ResizeAxisAttrs, io: &mut Io<'_>) {
    let width = bytes::width(io);
    let [inner, from, to] = blocks(attrs, io).map(|elements| elements.wrapping_mul(width));
    let (positions, x, y) = (io.input::<i32>(1), io.bytes(0), io.output_bytes(0));
    for (outer, y) in y.chunks_exact_mut(to.max(1)).enumerate() {
        let x = bytes::piece(x, outer, from);
        for (place, y) in y.chunks_exact_mut(inner.max(1)).enumerate() {
            bytes::copy(y, positions.get(place).map_or(&[], |&at| row(x, at, inner)));
        }
    }
}

/// Row `at` of a block; empty if there is none.
fn row<T>(x: &[T], at: i32, inner: usize) -> &[T] {
    let start = usize::try_from(at).ok().and_then(|at| at.checked_mul(inner));
    start.and_then(|s| x.get(s..)).unwrap_or(&[])
}

/// An element type that models mostly resize: it has a loop of its own.
trait Fast: Pod {
    fn widen(self) -> f32;
    fn round(sum: f32) -> Self;
}

impl Fast for f32 {
    fn widen(self) -> f32 {
        self
    }

    fn round(sum: f32) -> f32 {
        sum
    }
}

impl Fast for i8 {
    fn widen(self) -> f32 {
        self.into()
    }

    fn round(sum: f32) -> i8 {
        // Such a cast saturates.
        round_half_even(sum) as i8
    }
}

/// Elements of a row whose sums stay in registers.
const MANY: usize = 16;

fn blend<T: Fast, const N: usize>(attrs: &ResizeAxisAttrs, io: &mut Io<'_>) {
    let [inner, from, to] = blocks(attrs, io);
    let taps = (io.shape(1).dim(1) as usize).max(1);
    let (positions, weights) = (io.input::<i32>(1), io.input::<f32>(2));
    let (x, y) = (io.input::<T>(0), io.output::<T>(0));
    for (x, y) in pairs(x.chunks_exact(from.max(1)), y.chunks_exact_mut(to.max(1))) {
        let tables = pairs(positions.chunks_exact(taps), weights.chunks_exact(taps));
        for (y, (positions, weights)) in pairs(y.chunks_exact_mut(inner.max(1)), tables) {
            blend_row::<T, N>(y, x, positions, weights, inner);
        }
    }
}

/// One row of `y`, `N` elements at a time so that their sums stay in registers.
fn blend_row<T: Fast, const N: usize>(y: &mut [T], x: &[T], positions: &[i32], weights: &[f32], inner: usize) {
    for (i, y) in y.chunks_mut(N.max(1)).enumerate() {
        let mut sums = [0.0; N];
        for (&at, &weight) in positions.iter().zip(weights) {
            let x = row(x, at, inner).get(i.wrapping_mul(N)..).unwrap_or(&[]);
            sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += weight * x.widen());
        }
        y.iter_mut().zip(sums).for_each(|(y, sum)| *y = T::round(sum));
    }
}

fn blend_any(attrs: &ResizeAxisAttrs, io: &mut Io<'_>, dtype: DType) {
    let [inner, from, to] = blocks(attrs, io);
    let (inner, to) = (inner.max(1), to.max(1));
    let taps = io.shape(1).dim(1) as usize;
    let (positions, weights) = (io.input::<i32>(1), io.input::<f32>(2));
    let (x, y) = (io.bytes(0), io.output_bytes(0));
    let width = dtype.size() as usize;
    for i in 0..y.len() / width.max(1) {
        let (outer, place, lane) = (i / to, i % to / inner, i % inner);
        let x = bytes::from(x, outer, from.wrapping_mul(width));
        let first = place.wrapping_mul(taps);
        let mut terms = positions.iter().zip(weights).skip(first).take(taps).filter_map(|(&at, &weight)| {
            let at = usize::try_from(at).ok().and_then(|at| at.checked_mul(inner)).filter(|&at| at < from)?;
            Some((weight, Number::load(dtype, x, at.wrapping_add(lane))?))
        });
        weighted(dtype, &mut terms).store(dtype, y, i);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    fn tables() -> (Tensor, Tensor) {
        (Tensor::of(&[3, 2], &[0i32, -1, 0, 1, 1, -1]), Tensor::of(&[3, 2], &[1f32, f32::NAN, 0.25, 0.75, 1.0, 0.0]))
    }

    #[test]
    fn blends_along_any_axis() {
        let (positions, weights) = tables();
        let x = Tensor::of(&[2, 2], &[0f32, 4., 8., 16.]);
        let last = run::<ResizeAxis>(&ResizeAxisAttrs { axis: 1 }, &[&x, &positions, &weights]).unwrap();
        assert_eq!(last, Tensor::of(&[2, 3], &[0f32, 3., 4., 8., 14., 16.]));
        let first = run::<ResizeAxis>(&ResizeAxisAttrs { axis: 0 }, &[&x, &positions, &weights]).unwrap();
        assert_eq!(first, Tensor::of(&[3, 2], &[0f32, 4., 6., 13., 8., 16.]));
    }

    #[test]
    fn blends_long_rows_and_rounds_integers_once() {
        let (positions, weights) = tables();
        let x: [i8; 40] = core::array::from_fn(|i| if i < 20 { -(i as i8) } else { 127 });
        let y = run::<ResizeAxis>(&ResizeAxisAttrs { axis: 0 }, &[&Tensor::of(&[2, 20], &x), &positions, &weights]);
        let want: [i8; 60] = core::array::from_fn(|i| match i {
            0..20 => x[i],
            20..40 => (0.25 * -((i - 20) as f32) + 0.75 * 127.0).round_ties_even() as i8,
            _ => 127,
        });
        assert_eq!(y.unwrap(), Tensor::of(&[3, 20], &want));
    }

    #[test]
    fn types_without_a_loop_of_their_own_blend_alike() {
        let (positions, weights) = tables();
        for (axis, dims) in [(0, [2u32, 3]), (1, [3, 2])] {
            let x = [0u8, 4, 9, 16, 25, 255];
            let attrs = ResizeAxisAttrs { axis };
            let single = Tensor::of(&dims, &x.map(f32::from));
            let want = run::<ResizeAxis>(&attrs, &[&single, &positions, &weights]).unwrap();
            let y = run::<ResizeAxis>(&attrs, &[&Tensor::of(&dims, &x), &positions, &weights]).unwrap();
            assert!(y.get::<u8>().iter().copied().eq(want.get::<f32>().iter().map(|v| v.round_ties_even() as u8)));
            let double = Tensor::of(&dims, &x.map(f64::from));
            let y = run::<ResizeAxis>(&attrs, &[&double, &positions, &weights]).unwrap();
            assert!(y.get::<f64>().iter().map(|&v| v as f32).eq(want.get::<f32>().iter().copied()));
        }
    }

    #[test]
    fn picks_any_element_type() {
        let x = Tensor::bools(&[2, 1], &[0, 1]);
        let y = run::<ResizeAxis>(&ResizeAxisAttrs { axis: 0 }, &[&x, &Tensor::of(&[3, 1], &[1i32, 0, 1])]).unwrap();
        assert_eq!(y, Tensor::bools(&[3, 1], &[1, 0, 1]));
    }

    #[test]
    fn refuses_tables_that_differ_and_types_without_sums() {
        let (positions, weights) = tables();
        let attrs = ResizeAxisAttrs { axis: 0 };
        let x = Tensor::of(&[2], &[0i32; 2]);
        assert_eq!(run::<ResizeAxis>(&attrs, &[&x, &positions, &weights]).unwrap_err(), Refusal::DType);
        assert_eq!(run::<ResizeAxis>(&attrs, &[&x, &positions]).unwrap_err(), Refusal::Shape);
        let x = Tensor::of::<f32>(&[0], &[]);
        assert_eq!(run::<ResizeAxis>(&attrs, &[&x, &positions, &weights]).unwrap_err(), Refusal::Shape);
        assert_eq!(run::<ResizeAxis>(&attrs, &[&x, &positions, &positions]).unwrap_err(), Refusal::DType);
    }
}
