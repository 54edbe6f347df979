//! `Det`: the determinants of square matrices, by elimination with the largest pivot of each column.

use crate::attrs::NoAttrs;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};

/// `[.., n, n] -> [..]` of `f32`; see the module.
pub struct Det;

impl Op for Det {
    const CODE: Code = Code(146);
    const NAME: &'static str = "Det";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let shape = sig.shape(0, DType::F32)?;
        let Some((outer, &[rows, columns])) = shape.split_last_chunk() else { return Err(Refusal::Shape) };
        if rows != columns {
            return Err(Refusal::Shape);
        }
        out.scratch = rows.checked_mul(columns).and_then(|n| n.checked_mul(4)).ok_or(Refusal::Shape)?;
        out.dims(DType::F32, outer)
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        let shape = io.shape(0);
        let n = shape.dim(shape.rank().saturating_sub(1)) as usize;
        let size = n.saturating_mul(n);
        let (x, y) = (io.input::<f32>(0), io.output::<f32>(0));
        let a = io.scratch::<f32>().get_mut(..size).unwrap_or(&mut []);
        for (i, y) in y.iter_mut().enumerate() {
            let from = i.wrapping_mul(size);
            let matrix = x.get(from..from.wrapping_add(size)).unwrap_or(&[]);
            a.iter_mut().zip(matrix).for_each(|(a, &x)| *a = x);
            *y = determinant(a, n);
        }
    }
}

/// The determinant of the row-major `n` by `n` matrix `a`, which is destroyed.
fn determinant(a: &mut [f32], n: usize) -> f32 {
    let mut product = 1.0;
    let mut rest = a;
    for column in 0..n {
        // What is left of the matrix begins at the pivot's row.
        let left = |row: &[f32]| row.get(column).map_or(0.0, |v| v.abs());
        let pivot = rest.chunks_exact(n.max(1)).enumerate().max_by(|(_, a), (_, b)| left(a).total_cmp(&left(b)));
        let at = pivot.map_or(0, |(i, _)| i);
        let Some((first, below)) = rest.split_at_mut_checked(n) else { return 0.0 };
        if let Some(row) = at.checked_sub(1).and_then(|i| below.chunks_exact_mut(n.max(1)).nth(i)) {
            first.iter_mut().zip(row).for_each(|(a, b)| core::mem::swap(a, b));
            product = -product;
        }
        let pivot = first.get(column).copied().unwrap_or(0.0);
        if pivot == 0.0 {
            return 0.0;
        }
        product *= pivot;
        for row in below.chunks_exact_mut(n.max(1)) {
            let factor = row.get(column).copied().unwrap_or(0.0) / pivot;
            row.iter_mut().zip(first.iter()).for_each(|(r, f)| *r -= factor * f);
        }
        rest = below;
    }
    product
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn determinants_of_a_stack() {
        let x = Tensor::of(&[3, 2, 2], &[1.0f32, 2.0, 3.0, 4.0, 0.0, 1.0, 1.0, 0.0, 1.0, 2.0, 2.0, 4.0]);
        let y = run::<Det>(&NoAttrs {}, &[&x]).unwrap();
        assert!(y.get::<f32>().iter().zip([-2.0f32, -1.0, 0.0]).all(|(y, w)| (y - w).abs() < 1e-6), "{y:?}");
        let x = Tensor::of(&[3, 3], &[2.0f32, 0.0, 1.0, 1.0, 3.0, 2.0, 1.0, 1.0, 4.0]);
        let y = run::<Det>(&NoAttrs {}, &[&x]).unwrap();
        assert!((y.get::<f32>()[0] - 18.0).abs() < 1e-5, "{y:?}");
        assert_eq!(run::<Det>(&NoAttrs {}, &[&Tensor::of(&[0, 0], &[0.0f32; 0])]).unwrap().get::<f32>(), [1.0]);
    }

    #[test]
    fn refuses_what_is_not_square() {
        let x = Tensor::of(&[2, 3], &[0.0f32; 6]);
        assert_eq!(run::<Det>(&NoAttrs {}, &[&x]), Err(Refusal::Shape));
        assert_eq!(run::<Det>(&NoAttrs {}, &[&Tensor::of(&[], &[0.0f32])]), Err(Refusal::Shape));
    }
}
