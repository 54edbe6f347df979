//! `MatMulInteger`: `y = (a - a_zero)·(b - b_zero)`, 8-bit integers with zero points, in `i32`.
//!
//! `a_zero` holds one value or one per row, `b_zero` one value or one per column; each is of its operand's type. Sums
//! wrap around, as two's complement does.
//!
//! ```text
//! Σ (a - a_zero)·(b - b_zero) = Σ (a - a_zero)·b - b_zero·Σ (a - a_zero)
//! ```

use super::byte::Bytes;
use super::matmul::Product;
use crate::attrs::NoAttrs;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig, Type};

/// `[.., M, K], [.., K, N], a_zero?, b_zero? -> [.., M, N]`; see the module.
pub struct MatMulInteger;

impl Op for MatMulInteger {
    const CODE: Code = Code(222);
    const NAME: &'static str = "MatMulInteger";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(4)?;
        let (a, b) = (sig.ty(0)?, sig.ty(1)?);
        if ![a, b].iter().all(|t| matches!(t.dtype, DType::I8 | DType::U8)) {
            return Err(Refusal::DType);
        }
        let product = Product::new(a.shape, b.shape, false).ok_or(Refusal::Shape)?;
        let rows = a.shape.rank().checked_sub(2).map_or(1, |axis| a.shape.dim(axis));
        check_zero(sig, 2, a.dtype, rows, 2)?;
        check_zero(sig, 3, b.dtype, product.n as u32, 1)?;
        out.one(Type::new(DType::I32, product.shape))
    }

    fn macs(_: &NoAttrs, sig: &Sig<'_>) -> u64 {
        Product::of(sig, 0, 1, false).map_or(0, |p| p.macs())
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        let Some(p) = Product::new(io.shape(0), io.shape(1), false) else { return };
        let (a, b, y) = (Bytes::new(io, 0, 2), Bytes::new(io, 1, 3), io.output::<i32>(0));
        // The rows of one matrix, though several may be one product.
        let rows = io.shape(0).iter().rev().nth(1).map_or(1, |&m| (m as usize).max(1));
        p.each(&mut |y_at, a_at, b_at| {
            let y = y.get_mut(y_at..).unwrap_or(&mut []);
            for (i, y) in y.chunks_mut(p.n.max(1)).take(p.m).enumerate() {
                let row_of_a = a.after(i.wrapping_mul(p.k).wrapping_add(a_at)).take(p.k);
                let zero = a.zero(i.checked_rem(rows).unwrap_or(0));
                row(row_of_a, zero, &b, b_at, y);
            }
        });
    }
}

/// A zero point is one value, or `n` along the axis that is `from_end` from the last: `[n]`, or `[.., n, 1]`, `[.., n]`.
fn check_zero(sig: &Sig<'_>, i: usize, dtype: DType, n: u32, from_end: usize) -> Result<(), Refusal> {
    let Some(zero) = sig.opt(i) else { return Ok(()) };
    let along = |s: &[u32]| s.rank() == 1 || s.rank().checked_sub(from_end).is_some_and(|axis| s.dim(axis) == n);
    let elements = zero.shape.checked_elements();
    match elements {
        _ if zero.dtype != dtype => Err(Refusal::DType),
        Some(1) => Ok(()),
        Some(e) if e == n && along(zero.shape) => Ok(()),
        _ => Err(Refusal::Shape),
    }
}

/// `y = Σ (a[p] - a_zero)·(b[p, ..] - b_zeros)`, `b` from `at` on.
fn row(a: impl Iterator<Item = i32>, a_zero: i32, b: &Bytes<'_>, mut at: usize, y: &mut [i32]) {
    let mut sum = 0i32;
    y.fill(0);
    for a in a {
        let a = a.wrapping_sub(a_zero);
        sum = sum.wrapping_add(a);
        for (y, b) in y.iter_mut().zip(b.after(at)) {
            *y = y.wrapping_add(a.wrapping_mul(b));
        }
        at = at.wrapping_add(y.len());
    }
    for (j, y) in y.iter_mut().enumerate() {
        *y = y.wrapping_sub(b.zero(j).wrapping_mul(sum));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run_all};

    fn run(inputs: &[Option<&Tensor>]) -> Result<Tensor, Refusal> {
        Ok(run_all::<MatMulInteger>(&NoAttrs {}, inputs, None)?.swap_remove(0))
    }

    #[test]
    fn subtracts_zero_points_by_row_and_column() {
        let a = Tensor::of(&[2, 2], &[200u8, 100, 0, 255]);
        let b = Tensor::of(&[2, 2], &[-128i8, 127, 1, -1]);
        let rows = Tensor::of(&[2, 1], &[100u8, 255]);
        let columns = Tensor::of(&[2], &[-128i8, 3]);
        let y = run(&[Some(&a), Some(&b), Some(&rows), Some(&columns)]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 2], &[0, 12_400, 0, -31_620]));
        assert_eq!(run(&[Some(&a), Some(&b)]).unwrap().get::<i32>(), [-25_500, 25_300, 255, -255]);
        let one = Tensor::of(&[], &[1i8]);
        assert_eq!(run(&[Some(&a), Some(&b), None, Some(&one)]).unwrap().get::<i32>(), [-25_800, 25_000, 0, -510]);
    }

    #[test]
    fn a_stack_repeats_its_zero_points() {
        let (a, b) = (Tensor::of(&[2, 2, 1], &[1i8, 2, 3, 4]), Tensor::of(&[1, 1], &[1u8]));
        let rows = Tensor::of(&[2], &[1i8, 2]);
        assert_eq!(run(&[Some(&a), Some(&b), Some(&rows)]).unwrap(), Tensor::of(&[2, 2, 1], &[0, 0, 2, 2]));
    }

    #[test]
    fn refuses_other_zero_points() {
        let (a, b) = (Tensor::of(&[2, 1], &[1i8; 2]), Tensor::of(&[1, 3], &[1i8; 3]));
        let of = |n: u32| Tensor::of(&[n], &[0i8; 3][..n as usize]);
        assert_eq!(run(&[Some(&a), Some(&b), Some(&of(3))]).unwrap_err(), Refusal::Shape);
        assert_eq!(run(&[Some(&a), Some(&b), None, Some(&of(2))]).unwrap_err(), Refusal::Shape);
        assert_eq!(run(&[Some(&a), Some(&b), Some(&Tensor::of(&[], &[0u8]))]).unwrap_err(), Refusal::DType);
    }
}
