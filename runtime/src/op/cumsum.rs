//! `CumSum`: `y[i] = x[0] + … + x[i]` along an axis.

use super::gather::after;
use super::number::{ByType, Number};
use super::types::Types;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};

crate::attrs! {
    /// Attributes of [`CumSum`].
    pub struct CumSumAttrs {
        /// The axis.
        pub axis: u32,
        /// Whether an element's own value is left out of its sum.
        pub exclusive: bool,
        /// Whether sums run from the end.
        pub reverse: bool,
    }
}

/// `[..] -> [..]`; see the module.
pub struct CumSum;

impl Op for CumSum {
    const CODE: Code = Code(144);
    const NAME: &'static str = "CumSum";
    type Attrs = CumSumAttrs;

    fn infer(attrs: &CumSumAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.ty(0)?;
        if attrs.axis as usize >= x.shape.rank() {
            return Err(Refusal::Attrs);
        }
        if Types::NUMERIC.has(x.dtype) { out.like(x) } else { Err(Refusal::DType) }
    }

    fn in_place(_: &CumSumAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &CumSumAttrs, io: &mut Io<'_>) {
        let (shape, axis) = (io.out_shape(0), attrs.axis as usize);
        let dtype = io.out_ty(0).map_or(DType::F32, |t| t.dtype);
        let (x, y) = (io.bytes(0), io.output_bytes(0));
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = x);
        let len = shape.dim(axis) as usize;
        let inner = after(shape, attrs.axis);
        let lanes = shape.elements().checked_div(len).unwrap_or(0);
        for lane in 0..lanes {
            let (outer, first) = (lane.checked_div(inner).unwrap_or(0), lane.checked_rem(inner).unwrap_or(0));
            let start = outer.wrapping_mul(len).wrapping_mul(inner).wrapping_add(first);
            let place = |k: usize| {
                let k = if attrs.reverse { len.wrapping_sub(1).wrapping_sub(k) } else { k };
                start.wrapping_add(k.wrapping_mul(inner))
            };
            accumulate(y, dtype, len, attrs.exclusive, place);
        }
    }
}

fn accumulate(y: &mut [u8], dtype: DType, len: usize, exclusive: bool, place: impl Fn(usize) -> usize) {
    let mut sum: Option<Number> = None;
    for at in (0..len).map(place) {
        let Some(v) = Number::load(dtype, y, at) else { return };
        let next = sum.map_or(v, |s| ByType::SUM.apply(s, v));
        let shown = if exclusive { sum.unwrap_or(Number::Unsigned(0)) } else { next };
        shown.store(dtype, y, at);
        sum = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    #[test]
    fn from_either_end_with_or_without_itself() {
        let x = Tensor::of(&[3], &[1.0f32, 2.0, 3.0]);
        for (exclusive, reverse, want) in [
            (false, false, [1.0f32, 3.0, 6.0]),
            (true, false, [0.0, 1.0, 3.0]),
            (false, true, [6.0, 5.0, 3.0]),
            (true, true, [5.0, 3.0, 0.0]),
        ] {
            let attrs = CumSumAttrs { axis: 0, exclusive, reverse };
            assert_eq!(run::<CumSum>(&attrs, &[&x]), Ok(Tensor::of(&[3], &want)));
            assert_eq!(run_all::<CumSum>(&attrs, &[Some(&x)], Some(0)), Ok([Tensor::of(&[3], &want)].into()));
        }
    }

    #[test]
    fn along_an_outer_axis_wrapping() {
        let x = Tensor::of(&[2, 2], &[100u8, 1, 200, 2]);
        let attrs = CumSumAttrs { axis: 0, exclusive: false, reverse: false };
        assert_eq!(run::<CumSum>(&attrs, &[&x]), Ok(Tensor::of(&[2, 2], &[100u8, 1, 44, 3])));
        assert_eq!(run::<CumSum>(&CumSumAttrs { axis: 2, ..attrs }, &[&x]), Err(Refusal::Attrs));
        assert_eq!(run::<CumSum>(&attrs, &[&Tensor::bools(&[1], &[1])]), Err(Refusal::DType));
    }
}
