//! `MatMul`, `Gemm`, `MatMulInteger`: matrix products.
//!
//! ```text
//! Gemm: y = alpha·op(a)·op(b) + beta·c     op: transposed or not
//! ```
//!
//! `op(b)` is an attribute of the runtime's product, which also adds a `c` of one row; `alpha` and `beta` fold into
//! constants.

use super::binary::scalar;
use super::shape::{reshape, transpose};
use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::DType;
use siskin::attrs::NoAttrs;
use siskin::op::{Add, MatMul, MatMulAny, MatMulAttrs, MatMulInteger, Mul};

pub(super) const OPERATORS: &[(&str, Translate)] =
    &[("MatMul", matmul), ("Gemm", gemm), ("MatMulInteger", matmul_integer)];

fn matmul(cx: &mut NodeContext<'_>) -> Result<Vec<Option<ValueId>>, ImportError> {
    let (a, b) = (cx.input(0)?, cx.input(1)?);
    Ok(vec![Some(multiply(cx, a, b, |cx, a, b| product(cx, a, b, false, None))?)])
}

/// numpy's product by one of matrices: a vector on the left is a row, on the right a column, and its new axis leaves
/// the result again.
pub(super) fn multiply(
    cx: &mut NodeContext<'_>,
    mut a: ValueId,
    mut b: ValueId,
    matrices: impl FnOnce(&mut NodeContext<'_>, ValueId, ValueId) -> Result<ValueId, ImportError>,
) -> Result<ValueId, ImportError> {
    let (row, column) = (cx.rank(a) == 1, cx.rank(b) == 1);
    if row {
        let n = cx.dims(a)[0];
        a = reshape(cx, a, &[1, n])?;
    }
    if column {
        let n = cx.dims(b)[0];
        b = reshape(cx, b, &[n, 1])?;
    }
    let y = matrices(cx, a, b)?;
    let mut dims = cx.dims(y);
    if column {
        dims.pop();
    }
    if row {
        dims.remove(dims.len() - 1 - usize::from(!column));
    }
    reshape(cx, y, &dims)
}

/// `a·b + bias` of operands with two axes or more, in the operator that has their element type; `transpose_b` and
/// `bias` only in `f32`.
pub(super) fn product(
    cx: &mut NodeContext<'_>,
    a: ValueId,
    b: ValueId,
    transpose_b: bool,
    bias: Option<ValueId>,
) -> Result<ValueId, ImportError> {
    if cx.dtype(a) != DType::F32 {
        return cx.op::<MatMulAny>(&NoAttrs {}, &[a, b]);
    }
    let inputs = [Some(a), Some(b), bias];
    cx.add::<MatMul>(&MatMulAttrs::new(transpose_b), &inputs[..if bias.is_some() { 3 } else { 2 }])
}

fn matmul_integer(cx: &mut NodeContext<'_>) -> Result<Vec<Option<ValueId>>, ImportError> {
    let (a, b, zeros) = (cx.input(0)?, cx.input(1)?, [cx.opt(2), cx.opt(3)]);
    let y = multiply(cx, a, b, |cx, a, b| cx.add::<MatMulInteger>(&NoAttrs {}, &[Some(a), Some(b), zeros[0], zeros[1]]))?;
    Ok(vec![Some(y)])
}

fn gemm(cx: &mut NodeContext<'_>) -> Result<Vec<Option<ValueId>>, ImportError> {
    let (mut a, mut b) = (cx.input(0)?, cx.input(1)?);
    if [a, b].iter().any(|&v| cx.rank(v) != 2) {
        return cx.fail("both matrices must have two axes: use MatMul for stacks of matrices");
    }
    if cx.int_or("transA", 0)? != 0 {
        a = transpose(cx, a, &[1, 0])?;
    }
    let mut transpose_b = cx.int_or("transB", 0)? != 0;
    if transpose_b && cx.dtype(a) != DType::F32 {
        (b, transpose_b) = (transpose(cx, b, &[1, 0])?, false);
    }
    let n = cx.dims(b)[usize::from(!transpose_b)];
    let (alpha, beta) = (cx.float_or("alpha", 1.0)?, cx.float_or("beta", 1.0)?);
    // Before the product only where it costs nothing in a run.
    let early = alpha == 1.0 || cx.graph.constant(b).is_some();
    let c = match cx.opt(2).filter(|_| beta != 0.0) {
        Some(c) => Some(scaled(cx, c, beta)?),
        None => None,
    };
    if early {
        b = scaled(cx, b, alpha)?;
    }
    let bias = c.filter(|_| early).and_then(|c| bias(cx, c, n));
    let mut y = product(cx, a, b, transpose_b, bias)?;
    if !early {
        y = scaled(cx, y, alpha)?;
    }
    match c {
        Some(c) if bias.is_none() => Ok(vec![Some(cx.op::<Add>(&NoAttrs {}, &[y, c])?)]),
        _ => Ok(vec![Some(y)]),
    }
}

/// `factor·v`
fn scaled(cx: &mut NodeContext<'_>, v: ValueId, factor: f32) -> Result<ValueId, ImportError> {
    if factor == 1.0 {
        return Ok(v);
    }
    if !cx.dtype(v).is_float() {
        return cx.fail("alpha and beta of integer matrices must be 1: multiply with Mul before or after");
    }
    let factor = scalar(cx, factor, cx.dtype(v))?;
    cx.op::<Mul>(&NoAttrs {}, &[v, factor])
}

/// `c` as a row of `n` values, if it is one: a constant of one value is repeated.
fn bias(cx: &mut NodeContext<'_>, c: ValueId, n: u32) -> Option<ValueId> {
    if cx.dtype(c) != DType::F32 {
        return None;
    }
    let dims = cx.dims(c);
    let elements: u32 = dims.iter().product();
    if elements == n && dims.last() == Some(&n) {
        return Some(c);
    }
    let tensor = cx.graph.constant(c).filter(|_| elements == 1)?;
    let row = Tensor::vector(&vec![*tensor.get::<f32>()?.first()?; n as usize]);
    Some(cx.add_const(row))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::import::testing::{float, fold, int};

    #[test]
    fn vectors_gain_and_lose_an_axis() {
        let of = |a: &[u32], b: &[u32]| {
            let ones = |dims: &[u32]| Tensor::new(dims, &vec![1.0f32; dims.iter().product::<u32>() as usize]).unwrap();
            fold(matmul, &[], &[Some(&ones(a)), Some(&ones(b))]).unwrap().dims().to_vec()
        };
        assert!(of(&[3], &[3]).is_empty());
        assert_eq!(of(&[3], &[2, 3, 4]), [2, 4]);
        assert_eq!(of(&[2, 4, 3], &[3]), [2, 4]);
    }

    #[test]
    fn gemm_takes_every_form() {
        // op(a) = [[1, 2], [3, 4]], op(b) = [[1], [10]]
        let a = Tensor::new(&[2, 2], &[1.0f32, 3.0, 2.0, 4.0]).unwrap();
        let b = Tensor::new(&[1, 2], &[1.0f32, 10.0]).unwrap();
        let attributes = [int("transA", 1), int("transB", 1), float("alpha", 2.0), float("beta", 0.5)];
        for (c, want) in [
            (Some(Tensor::scalar(4.0f32)), [44.0, 88.0]),
            (Some(Tensor::vector(&[4.0f32])), [44.0, 88.0]),
            (Tensor::new(&[2, 1], &[4.0f32, 8.0]), [44.0, 90.0]),
            (None, [42.0, 86.0]),
        ] {
            let y = fold(gemm, &attributes, &[Some(&a), Some(&b), c.as_ref()]).unwrap();
            assert_eq!((y.dims(), y.get::<f32>().unwrap()), (&[2, 1][..], &want[..]));
        }
        let whole = |t: &Tensor| Tensor::new(t.dims(), &t.to_f32().iter().map(|&v| v as i32).collect::<Vec<_>>()).unwrap();
        let (a, b) = (whole(&a), whole(&b));
        assert_eq!(fold(gemm, &attributes[..2], &[Some(&a), Some(&b)]).unwrap().get::<i32>().unwrap(), [21, 43]);
        let e = fold(gemm, &attributes, &[Some(&a), Some(&b)]).unwrap_err().to_string();
        assert!(e.contains("alpha and beta of integer matrices must be 1"), "{e}");
    }
}
