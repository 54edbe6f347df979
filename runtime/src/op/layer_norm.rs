//! `LayerNormalization` and `RMSNormalization`: each row brought to unit size, then scaled and shifted.
//!
//! ```text
//! LayerNormalization: y = (x - mean) / √(variance + ε) · scale + bias
//! RMSNormalization:   y = x / √(mean of squares + ε) · scale
//! ```
//!
//! A row is everything from `axis` on. `scale` and `bias` are optional and broadcast to `x`, so that they may differ
//! before `axis` too, as in an instance or group normalization.

use crate::strided::{broadcast, broadcast_shape, inner, rows};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Shape, Sig, Type};

crate::attrs! {
    /// Attributes of [`LayerNormalization`].
    pub struct LayerNormAttrs {
        /// The first axis of a row.
        pub axis: u32,
        /// Added to the variance.
        pub epsilon: f32,
        /// Whether there are outputs 1 and 2: each row's mean and `1 / √(variance + ε)`.
        pub statistics: bool,
    }
}

crate::attrs! {
    /// Attributes of [`RMSNormalization`].
    pub struct RmsNormAttrs {
        /// The first axis of a row.
        pub axis: u32,
        /// Added to the mean of squares.
        pub epsilon: f32,
    }
}

/// `x, scale?, bias? -> y, mean?, inverse?`; see the module.
pub struct LayerNormalization;

/// `x, scale? -> y`; see the module.
pub struct RMSNormalization;

impl Op for LayerNormalization {
    const CODE: Code = Code(31);
    const NAME: &'static str = "LayerNormalization";
    type Attrs = LayerNormAttrs;

    fn infer(attrs: &LayerNormAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(3)?;
        let x = check(sig, attrs.axis, attrs.epsilon)?;
        let mut statistics = Shape::of(x);
        statistics.dims_mut().iter_mut().skip(attrs.axis as usize).for_each(|d| *d = 1);
        let [y, statistics] = [Shape::of(x), statistics].map(|s| Type::new(DType::F32, s));
        if attrs.statistics { out.many(&[y, statistics, statistics]) } else { out.one(y) }
    }

    fn in_place(_: &LayerNormAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &LayerNormAttrs, io: &mut Io<'_>) {
        let mut statistics = io.output::<f32>(1).iter_mut().zip(io.output::<f32>(2));
        let y = normalized(io, attrs.axis, &mut |row| {
            let found = K::normalize_f32(row, attrs.epsilon);
            if let Some((mean, inverse)) = statistics.next() {
                (*mean, *inverse) = found;
            }
        });
        scale_and_shift(io, y);
    }
}

impl Op for RMSNormalization {
    const CODE: Code = Code(32);
    const NAME: &'static str = "RMSNormalization";
    type Attrs = RmsNormAttrs;

    fn infer(attrs: &RmsNormAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        out.dims(DType::F32, check(sig, attrs.axis, attrs.epsilon)?)
    }

    fn in_place(_: &RmsNormAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &RmsNormAttrs, io: &mut Io<'_>) {
        let y = normalized(io, attrs.axis, &mut |row| K::rms_normalize_f32(row, attrs.epsilon));
        scale_and_shift(io, y);
    }
}

/// The shape of `x`, if everything suits it.
fn check<'s>(sig: &Sig<'s>, axis: u32, epsilon: f32) -> Result<&'s [u32], Refusal> {
    let x = sig.shape(0, DType::F32)?;
    for operand in (1..3).filter_map(|i| sig.opt(i)) {
        if operand.dtype != DType::F32 {
            return Err(Refusal::DType);
        }
        if broadcast_shape(operand.shape, x).as_deref() != Some(x) {
            return Err(Refusal::Shape);
        }
    }
    let fits = (axis as usize) < x.rank() && epsilon >= 0.0 && epsilon.is_finite();
    if fits { Ok(x) } else { Err(Refusal::Attrs) }
}

/// Output 0 with every row of `x` after `normalize`.
fn normalized<'a>(io: &mut Io<'a>, axis: u32, normalize: &mut dyn FnMut(&mut [f32])) -> &'a mut [f32] {
    let len = io.shape(0).iter().skip(axis as usize).fold(1usize, |n, &d| n.wrapping_mul(d as usize));
    let (x, y, taken) = (io.input::<f32>(0), io.output::<f32>(0), io.in_place() == Some(0));
    if !taken {
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = x);
    }
    y.chunks_exact_mut(len.max(1)).for_each(normalize);
    y
}

/// A row, and the values for it: one for each element, or one for all.
type Combine = fn(&mut [f32], &[f32]);

/// Multiplies by operand 1 and adds operand 2, where given.
fn scale_and_shift(io: &Io<'_>, y: &mut [f32]) {
    let shape = io.shape(0);
    let len = shape.last().map_or(1, |&d| d as usize).max(1);
    let combines: [Combine; 2] = [|y, v| combine(y, v, |y, v| y * v), |y, v| combine(y, v, |y, v| y + v)];
    for (operand, combine) in (1..).zip(combines) {
        if io.ty(operand).is_none() {
            continue;
        }
        let values = io.input::<f32>(operand);
        let strides = broadcast(io.shape(operand), shape);
        let count = if inner(shape, &strides) == 0 { 1 } else { len };
        let mut chunks = y.chunks_exact_mut(len);
        rows(shape, [0], &[strides], |[at]| {
            let values = values.get(at as usize..).unwrap_or(&[]);
            combine(chunks.next().unwrap_or(&mut []), values.get(..count).unwrap_or(&[]));
        });
    }
}

#[inline(always)]
fn combine(row: &mut [f32], values: &[f32], f: impl Fn(f32, f32) -> f32) {
    if let &[v] = values {
        row.iter_mut().for_each(|y| *y = f(*y, v));
    } else {
        row.iter_mut().zip(values).for_each(|(y, &v)| *y = f(*y, v));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    const LAST: LayerNormAttrs = LayerNormAttrs { axis: 1, epsilon: 0.0, statistics: false };

    #[test]
    fn layer_scales_rows_and_gives_statistics() {
        let x = Tensor::of(&[2, 4], &[1f32, 3., 1., 3., 10., 10., 30., 30.]);
        let scale = Tensor::of(&[4], &[1f32, 2., 3., 4.]);
        let bias = Tensor::of(&[2, 1], &[0.5f32, 100.]);
        let attrs = LayerNormAttrs { statistics: true, ..LAST };
        let want = [
            Tensor::of(&[2, 4], &[-0.5f32, 2.5, -2.5, 4.5, 99., 98., 103., 104.]),
            Tensor::of(&[2, 1], &[2f32, 20.]),
            Tensor::of(&[2, 1], &[1f32, 0.1]),
        ];
        for taken in [None, Some(0)] {
            let inputs = [Some(&x), Some(&scale), Some(&bias)];
            assert_eq!(run_all::<LayerNormalization>(&attrs, &inputs, taken).unwrap(), want);
        }
    }

    #[test]
    fn rows_may_span_axes() {
        let x = Tensor::of(&[1, 2, 2], &[1f32, 3., 1., 3.]);
        let want = Tensor::of(&[1, 2, 2], &[-1f32, 1., -1., 1.]);
        assert_eq!(run::<LayerNormalization>(&LAST, &[&x]).unwrap(), want);
    }

    #[test]
    fn rms_keeps_the_mean() {
        let x = Tensor::of(&[1, 2], &[5f32, 5.]);
        let attrs = RmsNormAttrs { axis: 1, epsilon: 0.0 };
        let scale = Tensor::of(&[2], &[1f32, -2.]);
        assert_eq!(run::<RMSNormalization>(&attrs, &[&x, &scale]).unwrap(), Tensor::of(&[1, 2], &[1f32, -2.]));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let x = Tensor::of(&[2, 2], &[0f32; 4]);
        let refused = |attrs, error| assert_eq!(run::<LayerNormalization>(&attrs, &[&x]), Err(error));
        refused(LayerNormAttrs { axis: 2, ..LAST }, Refusal::Attrs);
        refused(LayerNormAttrs { epsilon: -1.0, ..LAST }, Refusal::Attrs);
        let wide = Tensor::of(&[2, 1, 2], &[0f32; 4]);
        assert_eq!(run::<LayerNormalization>(&LAST, &[&x, &wide]), Err(Refusal::Shape));
    }
}
