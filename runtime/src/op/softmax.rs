//! `Softmax` and `LogSoftmax`: `y = e^x / Σ e^x` along an axis, and its logarithm.
//!
//! `f16` is widened to a scratch, computed in `f32` and rounded.

use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};
use half::f16;

crate::attrs! {
    /// Attributes of [`Softmax`] and [`LogSoftmax`].
    pub struct SoftmaxAttrs {
        /// The axis along which the sum runs.
        pub axis: u32,
    }
}

/// `[..] -> [..]`; see the module.
pub struct Softmax;

/// `[..] -> [..]`; see the module.
pub struct LogSoftmax;

impl Op for Softmax {
    const CODE: Code = Code(90);
    const NAME: &'static str = "Softmax";
    type Attrs = SoftmaxAttrs;

    fn infer(attrs: &SoftmaxAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        rule(attrs, sig, out)
    }

    fn in_place(_: &SoftmaxAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &SoftmaxAttrs, io: &mut Io<'_>) {
        along(attrs, io, K::softmax_f32);
    }
}

impl Op for LogSoftmax {
    const CODE: Code = Code(91);
    const NAME: &'static str = "LogSoftmax";
    type Attrs = SoftmaxAttrs;

    fn infer(attrs: &SoftmaxAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        rule(attrs, sig, out)
    }

    fn in_place(_: &SoftmaxAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &SoftmaxAttrs, io: &mut Io<'_>) {
        along(attrs, io, K::log_softmax_f32);
    }
}

fn rule(attrs: &SoftmaxAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
    sig.at_most(1)?;
    let x = sig.ty(0)?;
    if attrs.axis as usize >= x.shape.rank() {
        return Err(Refusal::Attrs);
    }
    match x.dtype {
        DType::F32 => out.like(x),
        DType::F16 => {
            out.scratch = x.shape.checked_elements().and_then(|n| n.checked_mul(4)).ok_or(Refusal::Shape)?;
            out.like(x)
        }
        _ => Err(Refusal::DType),
    }
}

fn along(attrs: &SoftmaxAttrs, io: &mut Io<'_>, kernel: fn(&mut [f32], usize, usize)) {
    let shape = io.out_shape(0);
    let axis = attrs.axis as usize;
    let len = shape.dim(axis) as usize;
    let inner = shape.iter().skip(axis).skip(1).fold(1u32, |n, &d| n.wrapping_mul(d)) as usize;
    if io.out_ty(0).is_some_and(|t| t.dtype == DType::F32) {
        let y = io.output::<f32>(0);
        // Empty if the elements stand in `y` already.
        y.iter_mut().zip(io.input::<f32>(0)).for_each(|(y, &x)| *y = x);
        kernel(y, len, inner);
        return;
    }
    let y = io.output::<f16>(0);
    y.iter_mut().zip(io.input::<f16>(0)).for_each(|(y, &x)| *y = x);
    // A file may give more scratch than was asked for.
    let wide = io.scratch::<f32>().get_mut(..y.len()).unwrap_or(&mut []);
    wide.iter_mut().zip(y.iter()).for_each(|(w, y)| *w = y.to_f32());
    kernel(wide, len, inner);
    y.iter_mut().zip(wide).for_each(|(y, w)| *y = f16::from_f32(*w));
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    #[test]
    fn sums_to_one_along_the_axis() {
        let x = Tensor::of(&[2, 2, 1], &[1.0f32, 2.0, 3.0, 3.0]);
        let y = run::<Softmax>(&SoftmaxAttrs { axis: 0 }, &[&x]).unwrap();
        let want = [0.11920292f32, 0.26894143, 0.8807971, 0.7310586];
        assert!(y.get::<f32>().iter().zip(want).all(|(y, w)| (y - w).abs() < 1e-6), "{y:?}");
        let again = run_all::<Softmax>(&SoftmaxAttrs { axis: 0 }, &[Some(&x)], Some(0)).unwrap();
        assert_eq!(again, [y]);
    }

    #[test]
    fn halves_are_computed_in_full() {
        let x = Tensor::of(&[2], &[f16::from_f32(1.0), f16::from_f32(2.0)]);
        let y = run::<LogSoftmax>(&SoftmaxAttrs { axis: 0 }, &[&x]).unwrap();
        assert_eq!(y, Tensor::of(&[2], &[f16::from_f32(-1.3132617), f16::from_f32(-0.3132617)]));
    }

    #[test]
    fn refuses_an_axis_that_is_not_there_and_integers() {
        let x = Tensor::of(&[2], &[1.0f32, 2.0]);
        assert_eq!(run::<Softmax>(&SoftmaxAttrs { axis: 1 }, &[&x]), Err(Refusal::Attrs));
        let x = Tensor::of(&[2], &[1i32, 2]);
        assert_eq!(run::<Softmax>(&SoftmaxAttrs { axis: 0 }, &[&x]), Err(Refusal::DType));
    }
}
