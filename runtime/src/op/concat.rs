//! `Concat`: operands one after another along an axis, any element type.
//!
//! Operands agree in all other axes. There may be up to 255 of them.

use super::gather::after;
use crate::{Axes, Code, Refusal, Io, Kernels, Op, Outputs, Shape, Sig, bytes};

crate::attrs! {
    /// Attributes of [`Concat`].
    pub struct ConcatAttrs {
        /// The axis that grows.
        pub axis: u32,
    }
}

/// See the module.
pub struct Concat;

impl Op for Concat {
    const CODE: Code = Code(162);
    const NAME: &'static str = "Concat";
    type Attrs = ConcatAttrs;

    /// `[.., a, ..], [.., b, ..], … -> [.., a + b + …, ..]`
    fn infer(attrs: &ConcatAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let first = sig.ty(0)?;
        let mut sum = Shape::of(first.shape);
        let axis = attrs.axis as usize;
        if axis >= sum.rank() {
            return Err(Refusal::Attrs);
        }
        for i in 1..sig.count() {
            let next = sig.ty(i)?;
            if next.dtype != first.dtype {
                return Err(Refusal::DType);
            }
            if next.shape.rank() != sum.rank() {
                return Err(Refusal::Shape);
            }
            for (k, (total, &len)) in sum.dims_mut().iter_mut().zip(next.shape).enumerate() {
                if k == axis {
                    *total = total.checked_add(len).ok_or(Refusal::Shape)?;
                } else if *total != len {
                    return Err(Refusal::Shape);
                }
            }
        }
        out.dims(first.dtype, &sum)
    }

    fn run<K: Kernels>(attrs: &ConcatAttrs, io: &mut Io<'_>) {
        let Some(ty) = io.out_ty(0) else { return };
        let axis = attrs.axis as usize;
        let step = after(ty.shape, attrs.axis).wrapping_mul(ty.dtype.size() as usize);
        let row = step.wrapping_mul(ty.shape.dim(axis) as usize);
        let y = io.output_bytes(0);
        let mut at = 0usize;
        for i in 0..io.count() {
            let part = step.wrapping_mul(io.shape(i).dim(axis) as usize);
            for (outer, y) in y.chunks_exact_mut(row.max(1)).enumerate() {
                bytes::copy(y.get_mut(at..).unwrap_or(&mut []), bytes::piece(io.bytes(i), outer, part));
            }
            at = at.wrapping_add(part);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn joins_along_any_axis() {
        let (a, b) = (Tensor::of(&[2, 2], &[1u16, 2, 3, 4]), Tensor::of(&[2, 1], &[5u16, 6]));
        let none = Tensor::of::<u16>(&[2, 0], &[]);
        let y = run::<Concat>(&ConcatAttrs { axis: 1 }, &[&a, &none, &b, &a]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 5], &[1u16, 2, 5, 1, 2, 3, 4, 6, 3, 4]));
        let y = run::<Concat>(&ConcatAttrs { axis: 0 }, &[&a, &a]).unwrap();
        assert_eq!(y, Tensor::of(&[4, 2], &[1u16, 2, 3, 4, 1, 2, 3, 4]));
    }

    #[test]
    fn refuses_operands_that_differ_elsewhere() {
        let (a, b) = (Tensor::of(&[2, 2], &[0u16; 4]), Tensor::of(&[2, 1], &[0u16; 2]));
        assert_eq!(run::<Concat>(&ConcatAttrs { axis: 0 }, &[&a, &b]).unwrap_err(), Refusal::Shape);
        assert_eq!(run::<Concat>(&ConcatAttrs { axis: 2 }, &[&a, &a]).unwrap_err(), Refusal::Attrs);
        let c = Tensor::of(&[2, 2], &[0i16; 4]);
        assert_eq!(run::<Concat>(&ConcatAttrs { axis: 0 }, &[&a, &c]).unwrap_err(), Refusal::DType);
    }
}
