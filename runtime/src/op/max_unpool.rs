//! `MaxUnpool`: puts elements back where [`MaxPool`](crate::op::MaxPool) found them, among zeros.
//!
//! ```text
//! y = 0, then y[index[i]] = x[i]
//! ```
//!
//! An index counts the elements of `y` in order; one outside, an error in ONNX, writes nothing: a run has no errors.

use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Shape, Sig, Type};

crate::attrs! {
    /// Attributes of [`MaxUnpool`].
    pub struct MaxUnpoolAttrs {
        /// The axes of `y`.
        pub shape: Shape,
    }
}

/// `[..], [..] -> shape`; see the module.
pub struct MaxUnpool;

impl Op for MaxUnpool {
    const CODE: Code = Code(26);
    const NAME: &'static str = "MaxUnpool";
    type Attrs = MaxUnpoolAttrs;

    fn infer(attrs: &MaxUnpoolAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let (x, index) = (sig.ty(0)?, sig.shape(1, DType::I64)?);
        let fits = x.shape == index && attrs.shape.checked_elements().is_some();
        if fits { out.one(Type::new(x.dtype, attrs.shape)) } else { Err(Refusal::Shape) }
    }

    fn run<K: Kernels>(_: &MaxUnpoolAttrs, io: &mut Io<'_>) {
        let index = io.input::<i64>(1);
        crate::by_size!(io, T => {
            let y = io.output::<T>(0);
            y.fill(0);
            for (&x, &i) in io.input::<T>(0).iter().zip(index) {
                if let Some(y) = usize::try_from(i).ok().and_then(|i| y.get_mut(i)) {
                    *y = x;
                }
            }
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn puts_elements_back() {
        let (x, index) = (Tensor::of(&[1, 1, 3], &[5f32, 6., 7.]), Tensor::of(&[1, 1, 3], &[3i64, -1, 0]));
        let attrs = MaxUnpoolAttrs { shape: Shape::new(&[1, 1, 4]).unwrap() };
        assert_eq!(run::<MaxUnpool>(&attrs, &[&x, &index]).unwrap(), Tensor::of(&[1, 1, 4], &[7f32, 0., 0., 5.]));
        assert_eq!(run::<MaxUnpool>(&attrs, &[&x, &Tensor::of(&[3], &[0i64; 3])]), Err(Refusal::Shape));
    }
}
