//! `MatMulAny`: ONNX's `MatMul` in the element types that [`MatMul`](super::MatMul) leaves out.
//!
//! `y = a·b` for f16 (summed in f32), f64 and the integers of 32 and 64 bits (which wrap around). Rare outside of
//! shape arithmetic and double precision, so plain loops, and no bias, no bounds.

use super::matmul::Product;
use crate::attrs::NoAttrs;
use crate::{Code, DType, Error, Io, Kernels, Op, Outputs, Sig, Type};
use bytemuck::Pod;
use half::f16;

/// `[.., M, K], [.., K, N] -> [.., M, N]`; see the module.
pub struct MatMulAny;

impl Op for MatMulAny {
    const CODE: Code = Code(221);
    const NAME: &'static str = "MatMulAny";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>) -> Result<Outputs, Error> {
        sig.at_most(2)?;
        let a = sig.ty(0)?;
        let product = Product::new(&a.shape, &sig.shape(1, a.dtype)?, false).ok_or(Error::SHAPE)?;
        match a.dtype {
            DType::F16 | DType::F64 | DType::I32 | DType::U32 | DType::I64 | DType::U64 => {
                Ok(Outputs::one(Type::new(a.dtype, product.shape)))
            }
            _ => Err(Error::DTYPE),
        }
    }

    fn macs(_: &NoAttrs, sig: &Sig<'_>) -> u64 {
        Product::of(sig, 0, 1, false).map_or(0, |p| p.macs())
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        match io.out_ty(0).map(|t| t.dtype) {
            Some(DType::F16) => multiply(io, 0.0, |s, a: f16, b: f16| s + a.to_f32() * b.to_f32(), f16::from_f32),
            Some(DType::F64) => multiply(io, 0.0, |s, a: f64, b: f64| s + a * b, |s| s),
            // Two's complement: the same bits with and without a sign.
            Some(DType::I32 | DType::U32) => {
                multiply(io, 0, |s: u32, a: u32, b: u32| s.wrapping_add(a.wrapping_mul(b)), |s| s);
            }
            Some(DType::I64 | DType::U64) => {
                multiply(io, 0, |s: u64, a: u64, b: u64| s.wrapping_add(a.wrapping_mul(b)), |s| s);
            }
            _ => {}
        }
    }
}

fn multiply<T: Pod, S: Copy>(io: &mut Io<'_>, zero: S, add: fn(S, T, T) -> S, store: fn(S) -> T) {
    let Some(p) = Product::new(&io.shape(0), &io.shape(1), false) else { return };
    let (a, b) = (io.input::<T>(0), io.input::<T>(1));
    let n = p.n.max(1);
    p.each(io.output(0), |y, a_at, b_at| {
        let (mut a, b) = (a.get(a_at..).unwrap_or(&[]), b.get(b_at..).unwrap_or(&[]));
        for y in y.chunks_mut(n) {
            let (row, rest) = a.split_at_checked(p.k).unwrap_or_default();
            a = rest;
            for (j, y) in y.iter_mut().enumerate() {
                let column = b.iter().skip(j).step_by(n);
                *y = store(row.iter().zip(column).fold(zero, |s, (&a, &b)| add(s, a, b)));
            }
        }
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;

    use super::*;
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
        assert_eq!(run::<MatMulAny>(&NoAttrs {}, &[&a, &a]).unwrap_err(), Error::DTYPE);
        assert_eq!(run::<MatMulAny>(&NoAttrs {}, &[&Tensor::of(&[1, 1], &[1i32]), &a]).unwrap_err(), Error::DTYPE);
    }
}
