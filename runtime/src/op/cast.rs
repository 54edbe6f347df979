//! `Cast`: the same values in another element type.
//!
//! Floats to integers truncate and saturate, NaN becomes 0; integers to narrower integers wrap; to booleans, all but
//! 0 is true; from booleans, 0 and 1; to narrower floats, to the nearest, halves to even.

use super::map::map_any;
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};

crate::attrs! {
    /// Attributes of [`Cast`].
    pub struct CastAttrs {
        /// The element type of the output.
        pub dtype: DType,
    }
}

/// `[..] -> [..]`; see the module.
pub struct Cast;

impl Op for Cast {
    const CODE: Code = Code(131);
    const NAME: &'static str = "Cast";
    type Attrs = CastAttrs;

    fn infer(attrs: &CastAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        out.dims(attrs.dtype, sig.ty(0)?.shape)
    }

    /// Each element is read before it is written, and both are equally wide.
    fn in_place(_: &CastAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &CastAttrs, io: &mut Io<'_>) {
        // The common way in: bytes of an image or a recording.
        if let Some((DType::U8, DType::F32)) = io.ty(0).zip(io.out_ty(0)).map(|(x, y)| (x.dtype, y.dtype)) {
            for (y, &x) in io.output::<f32>(0).iter_mut().zip(io.input::<u8>(0)) {
                *y = x.into();
            }
        } else {
            let to = attrs.dtype;
            map_any(io, &|n| n.cast(to));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    #[test]
    fn casts_between_widths_and_kinds() {
        let x = Tensor::of(&[4], &[-1.9f32, 0.0, 1.9, 300.0]);
        let to = |dtype| run::<Cast>(&CastAttrs { dtype }, &[&x]);
        assert_eq!(to(DType::U8), Ok(Tensor::of(&[4], &[0u8, 0, 1, 255])));
        assert_eq!(to(DType::I64), Ok(Tensor::of(&[4], &[-1i64, 0, 1, 300])));
        assert_eq!(to(DType::F64), Ok(Tensor::of(&[4], &[f64::from(-1.9f32), 0.0, f64::from(1.9f32), 300.0])));
        assert_eq!(to(DType::Bool), Ok(Tensor::bools(&[4], &[1, 0, 1, 1])));
        let bytes = Tensor::of(&[2], &[0u8, 200]);
        assert_eq!(run::<Cast>(&CastAttrs { dtype: DType::F32 }, &[&bytes]), Ok(Tensor::of(&[2], &[0.0f32, 200.0])));
    }

    #[test]
    fn takes_over_operands_of_equal_width() {
        let x = Tensor::of(&[2], &[-1.9f32, 7.0]);
        let y = run_all::<Cast>(&CastAttrs { dtype: DType::I32 }, &[Some(&x)], Some(0));
        assert_eq!(y, Ok([Tensor::of(&[2], &[-1i32, 7])].into()));
    }
}
