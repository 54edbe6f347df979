//! `BatchNormalization`, as it is at inference: `y = x · scale + shift`, one of each per element of the last axis.
//!
//! The importer makes `scale` and `shift` of ONNX's four parameters.

use crate::attrs::NoAttrs;
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};

/// `[.., C], [C], [C] -> [.., C]`; see the module.
pub struct BatchNormalization;

impl Op for BatchNormalization {
    const CODE: Code = Code(30);
    const NAME: &'static str = "BatchNormalization";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(3)?;
        let x = sig.shape(0, DType::F32)?;
        let channels = x.last().ok_or(Refusal::Shape)?;
        for i in 1..3 {
            if sig.shape(i, DType::F32)? != [*channels] {
                return Err(Refusal::Shape);
            }
        }
        out.dims(DType::F32, x)
    }

    fn in_place(_: &NoAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        let (x, scale, shift) = (io.input::<f32>(0), io.input::<f32>(1), io.input::<f32>(2));
        let (y, taken) = (io.output::<f32>(0), io.in_place() == Some(0));
        let channels = scale.len().max(1);
        if !taken {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = x);
        }
        for row in y.chunks_exact_mut(channels) {
            row.iter_mut().zip(scale).zip(shift).for_each(|((y, scale), shift)| *y = *y * scale + shift);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    #[test]
    fn scales_and_shifts_each_channel() {
        let x = Tensor::of(&[2, 2], &[1f32, 2., 3., 4.]);
        let (scale, shift) = (Tensor::of(&[2], &[2f32, -1.]), Tensor::of(&[2], &[0.5f32, 0.]));
        let want = Tensor::of(&[2, 2], &[2.5f32, -2., 6.5, -4.]);
        for taken in [None, Some(0)] {
            let y = run_all::<BatchNormalization>(&NoAttrs {}, &[Some(&x), Some(&scale), Some(&shift)], taken);
            assert_eq!(y.unwrap(), core::slice::from_ref(&want));
        }
        let refused = run::<BatchNormalization>(&NoAttrs {}, &[&x, &scale, &Tensor::of(&[1], &[0f32])]);
        assert_eq!(refused, Err(Refusal::Shape));
    }
}
