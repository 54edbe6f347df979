//! `MatMulAny`: ONNX's `MatMul` in the element types that [`MatMul`](super::MatMul) leaves out.
//!
//! `y = a·b` for f16 (summed in f32), f64 and the integers of 32 and 64 bits (which wrap around). Rare outside of
//! shape arithmetic and double precision, so plain loops, and no bias, no bounds.

use super::matmul::Product;
use super::number::{ByType, Number};
use crate::attrs::NoAttrs;
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig, Type};

/// `[.., M, K], [.., K, N] -> [.., M, N]`; see the module.
pub struct MatMulAny;

impl Op for MatMulAny {
    const CODE: Code = Code(221);
    const NAME: &'static str = "MatMulAny";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let a = sig.ty(0)?;
        let product = Product::new(a.shape, sig.shape(1, a.dtype)?, false).ok_or(Refusal::Shape)?;
        match a.dtype {
            DType::F16 | DType::F64 | DType::I32 | DType::U32 | DType::I64 | DType::U64 => {
                out.one(Type::new(a.dtype, product.shape))
            }
            _ => Err(Refusal::DType),
        }
    }

    fn macs(_: &NoAttrs, sig: &Sig<'_>) -> u64 {
        Product::of(sig, 0, 1, false).map_or(0, |p| p.macs())
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        let Some(p) = Product::new(io.shape(0), io.shape(1), false) else { return };
        let dtype = io.out_ty(0).map_or(DType::F64, |t| t.dtype);
        let (a, b, y) = (io.bytes(0), io.bytes(1), io.output_bytes(0));
        let load = |bytes, i| Number::load(dtype, bytes, i).unwrap_or(Number::small(dtype, 0));
        p.each(&mut |y_at, a_at, b_at| {
            for i in 0..p.m {
                for j in 0..p.n {
                    let sum = (0..p.k).fold(Number::small(dtype, 0), |sum, q| {
                        let a = load(a, i.wrapping_mul(p.k).wrapping_add(q).wrapping_add(a_at));
                        let b = load(b, q.wrapping_mul(p.n).wrapping_add(j).wrapping_add(b_at));
                        ByType::SUM.apply(sum, PRODUCT.apply(a, b))
                    });
                    sum.store(dtype, y, i.wrapping_mul(p.n).wrapping_add(j).wrapping_add(y_at));
                }
            }
        });
    }
}

/// In 64 bits: what an integer product loses when it is stored, it would have lost anyway.
const PRODUCT: ByType =
    ByType { single: |a, b| a * b, double: |a, b| a * b, signed: i64::wrapping_mul, unsigned: u64::wrapping_mul };

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;

    use super::*;
    use half::f16;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn multiplies_in_each_type() {
        macro_rules! check {
            ($($t:ty: $of:expr),*) => {$(
                let of = |dims: &[u32], v: &[i8]| Tensor::of::<$t>(dims, &v.iter().map(|&v| $of(v)).collect::<std::vec::Vec<$t>>());
                let y = run::<MatMulAny>(&NoAttrs {}, &[&of(&[2, 3], &[1, 2, 3, 4, 5, 6]), &of(&[3, 2], &[1, 0, 0, 1, 2, 2])]);
                assert_eq!(y.unwrap(), of(&[2, 2], &[7, 8, 16, 17]));
            )*};
        }
        check!(f16: |v: i8| f16::from_f32(v.into()), f64: f64::from, i32: i32::from, u32: |v: i8| v as u32, i64: i64::from, u64: |v: i8| v as u64);
        let min = Tensor::of(&[1, 1], &[i64::MIN]);
        assert_eq!(run::<MatMulAny>(&NoAttrs {}, &[&min, &min]).unwrap().get::<i64>(), [0]);
    }

    #[test]
    fn refuses_other_types() {
        let a = Tensor::of(&[1, 1], &[1.0f32]);
        assert_eq!(run::<MatMulAny>(&NoAttrs {}, &[&a, &a]).unwrap_err(), Refusal::DType);
        assert_eq!(run::<MatMulAny>(&NoAttrs {}, &[&Tensor::of(&[1, 1], &[1i32]), &a]).unwrap_err(), Refusal::DType);
    }
}
