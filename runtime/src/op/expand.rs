//! `Expand`: repeats axes of length 1, and adds axes in front, numpy's way; any element type.

use crate::strided::{broadcast, broadcast_shape, copy_bytes};
use crate::{Code, Refusal, Io, Kernels, Op, Outputs, Shape, Sig, Type, bytes};

crate::attrs! {
    /// Attributes of [`Expand`].
    pub struct ExpandAttrs {
        /// The axes of `y`.
        pub shape: Shape,
    }
}

/// See the module.
pub struct Expand;

impl Op for Expand {
    const CODE: Code = Code(163);
    const NAME: &'static str = "Expand";
    type Attrs = ExpandAttrs;

    fn infer(attrs: &ExpandAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.ty(0)?;
        let fits = broadcast_shape(x.shape, &attrs.shape) == Some(attrs.shape);
        if fits { out.one(Type::new(x.dtype, attrs.shape)) } else { Err(Refusal::Shape) }
    }

    fn in_place(_: &ExpandAttrs, _: &Sig<'_>, input: usize) -> bool {
        // Asked only where nothing is repeated.
        input == 0
    }

    fn run<K: Kernels>(_: &ExpandAttrs, io: &mut Io<'_>) {
        let shape = io.out_shape(0);
        let strides = broadcast(io.shape(0), shape);
        copy_bytes(io.output_bytes(0), io.bytes(0), bytes::width(io), shape, 0, &strides);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    fn to(dims: &[u32]) -> ExpandAttrs {
        ExpandAttrs { shape: Shape::new(dims).unwrap() }
    }

    #[test]
    fn repeats_axes_of_length_1() {
        let x = Tensor::of(&[3, 1], &[1f64, 2., 3.]);
        let y = run::<Expand>(&to(&[2, 3, 2]), &[&x]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 3, 2], &[1f64, 1., 2., 2., 3., 3., 1., 1., 2., 2., 3., 3.]));
        assert_eq!(
            run_all::<Expand>(&to(&[1, 3, 1]), &[Some(&x)], Some(0)).unwrap(),
            [Tensor::of(&[1, 3, 1], &[1f64, 2., 3.])]
        );
    }

    #[test]
    fn refuses_to_shrink_or_repeat_a_longer_axis() {
        let x = Tensor::of(&[3, 1], &[1u8, 2, 3]);
        assert_eq!(run::<Expand>(&to(&[2]), &[&x]).unwrap_err(), Refusal::Shape);
        assert_eq!(run::<Expand>(&to(&[6, 1]), &[&x]).unwrap_err(), Refusal::Shape);
    }
}
