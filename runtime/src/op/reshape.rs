//! `Reshape`: the same elements under other axes, any element type.
//!
//! Free where the plan lets `y` take over `x`, which it always may; otherwise a copy.

use crate::{Axes, Code, Refusal, Io, Kernels, Op, Outputs, Shape, Sig, Type, bytes};

crate::attrs! {
    /// Attributes of [`Reshape`].
    pub struct ReshapeAttrs {
        /// The axes of `y`; as many elements as `x`.
        pub shape: Shape,
    }
}

/// See the module.
pub struct Reshape;

impl Op for Reshape {
    const CODE: Code = Code(160);
    const NAME: &'static str = "Reshape";
    type Attrs = ReshapeAttrs;

    fn infer(attrs: &ReshapeAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.ty(0)?;
        let same = attrs.shape.checked_elements().is_some_and(|n| Some(n) == x.shape.checked_elements());
        if same { out.one(Type::new(x.dtype, attrs.shape)) } else { Err(Refusal::Shape) }
    }

    fn in_place(_: &ReshapeAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(_: &ReshapeAttrs, io: &mut Io<'_>) {
        let x = io.bytes(0);
        bytes::copy(io.output_bytes(0), x);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    #[test]
    fn keeps_the_elements() {
        let attrs = ReshapeAttrs { shape: Shape::new(&[3, 2]).unwrap() };
        let x = Tensor::of(&[6], &[1f32, 2., 3., 4., 5., 6.]);
        let y = Tensor::of(&[3, 2], &[1f32, 2., 3., 4., 5., 6.]);
        assert_eq!(run::<Reshape>(&attrs, &[&x]).unwrap(), y);
        assert_eq!(run_all::<Reshape>(&attrs, &[Some(&x)], Some(0)).unwrap(), [y]);
    }

    #[test]
    fn refuses_another_number_of_elements() {
        let x = Tensor::of(&[6], &[0f32; 6]);
        for dims in [&[5][..], &[1 << 16, 1 << 16, 6]] {
            let attrs = ReshapeAttrs { shape: Shape::new(dims).unwrap() };
            assert_eq!(run::<Reshape>(&attrs, &[&x]).unwrap_err(), Refusal::Shape);
        }
    }
}
