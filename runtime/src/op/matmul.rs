//! `MatMul`: `y = clamp(a·b + bias)`, the last two axes as matrices, the others broadcast numpy's way.
//!
//! ```text
//! a [.., M, K]   b [.., K, N], or [.., N, K] with transpose_b   bias [N] or [1, .., N]   y [.., M, N]
//! ```
//!
//! `b` may be stored in half precision; sums are in `f32`. Operands have two axes or more: the importer gives a vector
//! its second one. Other element types: [`MatMulAny`](super::MatMulAny).

use super::{pack, parallel};
use crate::strided::{Strides, broadcast, broadcast_shape, rows};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, MAX_RANK, Op, Outputs, Shape, Sig, Type};
use siskin_kernels::{MatMulF32, Weights};

crate::attrs! {
    /// Attributes of [`MatMul`].
    pub struct MatMulAttrs {
        /// Whether `b` holds its columns as rows: `[.., N, K]`.
        pub transpose_b: bool,
        /// The least output; `-inf` for no bound.
        pub min: f32,
        /// The greatest output; `inf` for no bound.
        pub max: f32,
    }
}

impl MatMulAttrs {
    /// A product without bounds.
    #[must_use]
    pub const fn new(transpose_b: bool) -> MatMulAttrs {
        MatMulAttrs { transpose_b, min: f32::NEG_INFINITY, max: f32::INFINITY }
    }
}

/// `[.., M, K], [.., K, N], [N]? -> [.., M, N]`; see the module.
pub struct MatMul;

impl Op for MatMul {
    const CODE: Code = Code(220);
    const NAME: &'static str = "MatMul";
    type Attrs = MatMulAttrs;

    fn infer(attrs: &MatMulAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(3)?;
        let (a, b) = (sig.shape(0, DType::F32)?, sig.ty(1)?);
        let product = Product::new(a, b.shape, attrs.transpose_b).ok_or(Refusal::Shape)?;
        if sig.opt(2).is_some() && !is_row(sig.shape(2, DType::F32)?, product.n) {
            return Err(Refusal::Shape);
        }
        // Written so that a NaN is refused.
        let ordered = attrs.min <= attrs.max;
        match b.dtype {
            DType::F32 | DType::F16 if ordered => out.one(Type::new(DType::F32, product.shape)),
            DType::F32 | DType::F16 => Err(Refusal::Attrs),
            _ => Err(Refusal::DType),
        }
    }

    fn macs(attrs: &MatMulAttrs, sig: &Sig<'_>) -> u64 {
        Product::of(sig, 0, 1, attrs.transpose_b).map_or(0, |p| p.macs())
    }

    /// One matrix for all of `a`.
    fn pack<K: Kernels>(attrs: &MatMulAttrs, io: &Io<'_>, out: &mut [u8]) -> usize {
        let product = Product::new(io.shape(0), io.shape(1), attrs.transpose_b);
        let Some(p) = product.filter(|p| p.stack.elements() == 1) else { return 0 };
        pack::floats(out, &mut |out| K::pack_matmul_f32(weights(io, 1), p.k, p.n, attrs.transpose_b, out))
    }

    fn run<K: Kernels>(attrs: &MatMulAttrs, io: &mut Io<'_>) {
        let packed = pack::read(io);
        let Some(product) = Product::new(io.shape(0), io.shape(1), attrs.transpose_b) else { return };
        let (a, b, bias, y) = (io.input::<f32>(0), weights(io, 1), io.input(2), io.output::<f32>(0));
        let Product { k, n, .. } = product;
        let MatMulAttrs { transpose_b, min, max } = *attrs;
        let len = product.m.saturating_mul(n);
        product.each(&mut |y_at, a_at, b_at| {
            let a = a.get(a_at..).unwrap_or(&[]);
            let y = y.get_mut(y_at..y_at.saturating_add(len)).unwrap_or(&mut []);
            let b = b.get(b_at..b_at.saturating_add(k.saturating_mul(n)));
            parallel::matmul_f32::<K>(io, MatMulF32 { a, b, bias, y, k, n, transpose_b, min, max }, packed);
        });
    }
}

/// Whether a shape is `[n]` or `[1, .., n]`.
fn is_row(shape: &[u32], n: usize) -> bool {
    let last = shape.last().is_some_and(|&d| d as usize == n);
    last && shape.checked_elements().is_some_and(|e| e as usize == n)
}

/// The elements of an operand that may be stored in half precision.
pub(crate) fn weights<'a>(io: &Io<'a>, i: usize) -> Weights<'a> {
    match io.ty(i).map(|t| t.dtype) {
        Some(DType::F16) => Weights::F16(io.input(i)),
        _ => Weights::F32(io.input(i)),
    }
}

/// How two stacks of matrices multiply.
pub(crate) struct Product {
    /// The shape of the result.
    pub(crate) shape: Shape,
    /// Rows of one product.
    pub(crate) m: usize,
    /// Columns of `a`.
    pub(crate) k: usize,
    /// Columns of the result.
    pub(crate) n: usize,
    /// The axes before the matrices, and a last one of length 1.
    stack: Shape,
    a: Strides,
    b: Strides,
}

impl Product {
    /// The product of operands of these shapes; nothing if they do not suit each other.
    pub(crate) fn new(a: &[u32], b: &[u32], transpose_b: bool) -> Option<Product> {
        let (a_stack, [m, k]) = split(a)?;
        let (b_stack, last) = split(b)?;
        let [b_k, n] = if transpose_b { [last[1], last[0]] } else { last };
        let stack = broadcast_shape(&a_stack, &b_stack)?;
        let (outer, mut shape) = (stack.rank().checked_sub(1)?, [1; MAX_RANK]);
        let matrix = [m, n];
        let dims = stack.dims().iter().take(outer).chain(&matrix);
        shape.iter_mut().zip(dims).for_each(|(s, &d)| *s = d);
        let shape = Shape::new(shape.get(..outer.checked_add(2)?)?)?;
        let whole = Product {
            shape,
            m: m as usize,
            k: k as usize,
            n: n as usize,
            stack,
            a: broadcast(&a_stack, &stack),
            b: broadcast(&b_stack, &stack),
        };
        (k == b_k).then(|| if b_stack.elements() == 1 { whole.flat() } else { whole })
    }

    /// The product of operands `a` and `b` of a rule.
    pub(crate) fn of(sig: &Sig<'_>, a: usize, b: usize, transpose_b: bool) -> Option<Product> {
        Product::new(sig.opt(a)?.shape, sig.opt(b)?.shape, transpose_b)
    }

    /// One matrix `b` for all of `a`: a single product of more rows.
    fn flat(self) -> Product {
        let stack = Shape::new(&[1]).unwrap_or(Shape::SCALAR);
        let zero = [0; MAX_RANK];
        Product { m: self.m.saturating_mul(self.stack.elements()), stack, a: zero, b: zero, ..self }
    }

    /// Multiply-accumulates of all products.
    pub(crate) fn macs(&self) -> u64 {
        (self.shape.elements() as u64).saturating_mul(self.k as u64)
    }

    /// Calls `one` for each product, in order, with its part of `y` and where its operands begin.
    pub(crate) fn each(&self, one: &mut dyn FnMut(usize, usize, usize)) {
        let (m, k, n) = (self.m, self.k, self.n);
        let mut y = 0usize;
        if self.shape.elements() == 0 {
            return;
        }
        rows(&self.stack, [0, 0], &[self.a, self.b], |[a, b]| {
            let (a, b) = (a.cast_unsigned(), b.cast_unsigned());
            one(y, a.wrapping_mul(m).wrapping_mul(k), b.wrapping_mul(k).wrapping_mul(n));
            y = y.wrapping_add(m.wrapping_mul(n));
        });
    }
}

/// The stack's axes with a last one of length 1, and the matrices' two.
fn split(shape: &[u32]) -> Option<(Shape, [u32; 2])> {
    let (outer, last) = shape.split_last_chunk::<2>()?;
    let mut stack = [1; MAX_RANK];
    stack.iter_mut().zip(outer).for_each(|(s, &d)| *s = d);
    Some((Shape::new(stack.get(..outer.len().checked_add(1)?)?)?, *last))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn multiplies_stacks_with_broadcasting() {
        let a = Tensor::of(&[2, 1, 2, 2], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let b = Tensor::of(&[2, 2, 1], &[1.0f32, 10.0, 2.0, 20.0]);
        let y = run::<MatMul>(&MatMulAttrs::new(false), &[&a, &b]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 2, 2, 1], &[21.0f32, 43.0, 42.0, 86.0, 65.0, 87.0, 130.0, 174.0]));
    }

    #[test]
    fn one_matrix_serves_a_stack() {
        let a = Tensor::of(&[2, 1, 2], &[1.0f32, 2.0, 3.0, 4.0]);
        let (b, bias) = (Tensor::of(&[3, 2], &[1.0f32, 0.0, 0.0, 1.0, 1.0, 1.0]), Tensor::of(&[3], &[0.5f32, 0.0, -4.0]));
        let attrs = MatMulAttrs { transpose_b: true, min: 0.0, max: 3.5 };
        let y = run::<MatMul>(&attrs, &[&a, &b, &bias]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 1, 3], &[1.5f32, 2.0, 0.0, 3.5, 3.5, 3.0]));
        let halves = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0].map(half::f16::from_f32);
        assert_eq!(run::<MatMul>(&attrs, &[&a, &Tensor::of(&[3, 2], &halves), &bias]).unwrap(), y);
    }

    #[test]
    fn refuses_what_does_not_multiply() {
        let of = |dims: &[u32]| Tensor::of(dims, &[0.0f32; 12][..dims.iter().product::<u32>() as usize]);
        let plain = MatMulAttrs::new(false);
        let refused = |attrs, inputs: &[&Tensor]| run::<MatMul>(attrs, inputs).unwrap_err();
        assert_eq!(refused(&plain, &[&of(&[2, 3]), &of(&[2, 3])]), Refusal::Shape);
        assert_eq!(refused(&plain, &[&of(&[2, 2, 3]), &of(&[3, 3, 1])]), Refusal::Shape);
        assert_eq!(refused(&plain, &[&of(&[3]), &of(&[3, 1])]), Refusal::Shape);
        assert_eq!(refused(&plain, &[&of(&[2, 3]), &of(&[3, 2]), &of(&[2, 1])]), Refusal::Shape);
        assert_eq!(refused(&plain, &[&of(&[2, 3]), &Tensor::of(&[3, 1], &[1i32; 3])]), Refusal::DType);
        let unordered = MatMulAttrs { min: f32::NAN, ..plain };
        assert_eq!(refused(&unordered, &[&of(&[2, 3]), &of(&[3, 2])]), Refusal::Attrs);
    }
}
