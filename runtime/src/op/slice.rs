//! `Slice`: `y[i_0, …] = x[start_0 + i_0·step_0, …]`, any element type.

use crate::strided::{Strides, copy_bytes, row_major};
use crate::{Axes, Code, Refusal, Io, Kernels, MAX_RANK, Op, Outputs, Shape, Sig, Type, bytes};

crate::attrs! {
    /// Attributes of [`Slice`].
    pub struct SliceAttrs {
        /// The first element taken of each axis; 0 beyond the rank.
        pub start: [u32; MAX_RANK],
        /// The distance between elements taken of each axis, negative to run backwards.
        pub step: [i32; MAX_RANK],
        /// The axes of `y`.
        pub shape: Shape,
    }
}

/// See the module.
pub struct Slice;

impl Op for Slice {
    const CODE: Code = Code(161);
    const NAME: &'static str = "Slice";
    type Attrs = SliceAttrs;

    fn infer(attrs: &SliceAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.ty(0)?;
        let inside = x.shape.iter().zip(attrs.shape.dims()).zip(attrs.start.iter().zip(&attrs.step));
        if attrs.shape.rank() != x.shape.rank() {
            return Err(Refusal::Shape);
        }
        for ((&len, &taken), (&start, &step)) in inside {
            let Some(before_last) = taken.checked_sub(1) else { continue };
            // Fits: |step| < 2^31 and taken < 2^32.
            let last = i64::from(start).wrapping_add(i64::from(step).wrapping_mul(before_last.into()));
            if start >= len || !(0..i64::from(len)).contains(&last) || step == 0 {
                return Err(Refusal::Attrs);
            }
        }
        out.one(Type::new(x.dtype, attrs.shape))
    }

    fn run<K: Kernels>(attrs: &SliceAttrs, io: &mut Io<'_>) {
        let own = row_major(io.shape(0));
        let mut offset = 0isize;
        let mut strides: Strides = [0; MAX_RANK];
        for (((to, &stride), &step), &start) in strides.iter_mut().zip(&own).zip(&attrs.step).zip(&attrs.start) {
            *to = stride.wrapping_mul(step as isize);
            offset = offset.wrapping_add(stride.wrapping_mul(start as isize));
        }
        let shape = io.out_shape(0);
        copy_bytes(io.output_bytes(0), io.bytes(0), bytes::width(io), shape, offset, &strides);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    fn attrs(start: [u32; 2], step: [i32; 2], dims: &[u32]) -> SliceAttrs {
        let mut attrs = SliceAttrs { start: [0; 8], step: [1; 8], shape: Shape::new(dims).unwrap() };
        attrs.start[..2].copy_from_slice(&start);
        attrs.step[..2].copy_from_slice(&step);
        attrs
    }

    #[test]
    fn takes_every_other_and_backwards() {
        let x = Tensor::of(&[2, 5], &[0i16, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let y = run::<Slice>(&attrs([1, 4], [-1, -2], &[2, 3]), &[&x]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 3], &[9i16, 7, 5, 4, 2, 0]));
        assert_eq!(run::<Slice>(&attrs([0, 5], [1, 1], &[2, 0]), &[&x]).unwrap().dims(), [2, 0]);
    }

    #[test]
    fn refuses_to_leave_the_axis() {
        let x = Tensor::of(&[2, 5], &[0i8; 10]);
        for bad in [
            attrs([0, 0], [1, 1], &[2, 6]),
            attrs([0, 1], [1, -1], &[2, 3]),
            attrs([2, 0], [1, 1], &[1, 1]),
            attrs([0, 0], [0, 1], &[1, 1]),
            attrs([0, 0], [1, i32::MAX], &[1, u32::MAX]),
        ] {
            assert_eq!(run::<Slice>(&bad, &[&x]).unwrap_err(), Refusal::Attrs, "{bad:?}");
        }
    }
}
