//! `ReverseSequence`: turns the first `length[b]` steps of each sample around; any element type.
//!
//! ```text
//! y[b, t, ..] = x[b, length[b] - 1 - t, ..] if t < length[b] else x[b, t, ..]
//! ```
//!
//! The batch axis may also be the second. A length outside the axis, an error in ONNX, counts as the nearest.

use super::gather::product;
use super::indices::{Indices, index_shape};
use crate::{Code, Refusal, Io, Kernels, Op, Outputs, Sig, bytes};

crate::attrs! {
    /// Attributes of [`ReverseSequence`].
    pub struct ReverseSequenceAttrs {
        /// Whether time is the first axis and the batch the second.
        pub time_first: bool,
    }
}

/// `x, lengths -> y`; see the module.
pub struct ReverseSequence;

impl Op for ReverseSequence {
    const CODE: Code = Code(173);
    const NAME: &'static str = "ReverseSequence";
    type Attrs = ReverseSequenceAttrs;

    /// `[b, t, ..] or [t, b, ..], [b] -> x`
    fn infer(attrs: &ReverseSequenceAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let (x, lengths) = (sig.ty(0)?, index_shape(sig, 1)?);
        let &[first, second, ..] = x.shape else { return Err(Refusal::Shape) };
        let batch = if attrs.time_first { second } else { first };
        if lengths == [batch] { out.like(x) } else { Err(Refusal::Shape) }
    }

    fn run<K: Kernels>(attrs: &ReverseSequenceAttrs, io: &mut Io<'_>) {
        reverse(attrs, io);
    }
}

fn reverse(attrs: &ReverseSequenceAttrs, io: &mut Io<'_>) {
    let (shape, lengths) = (io.shape(0), Indices::new(io, 1));
    let &[first, second, ref inner @ ..] = shape else { return };
    let (inner, columns) = (product(inner).wrapping_mul(bytes::width(io)), second as usize);
    let (x, y) = (io.bytes(0), io.output_bytes(0));
    let steps = if attrs.time_first { first } else { second };
    for (i, y) in y.chunks_exact_mut(columns.wrapping_mul(inner).max(1)).enumerate() {
        for (j, y) in y.chunks_exact_mut(inner.max(1)).enumerate() {
            let (b, t) = if attrs.time_first { (j, i) } else { (i, j) };
            let length = lengths.get(b).unwrap_or(0).clamp(0, steps.into()) as usize;
            let from = length.checked_sub(t.wrapping_add(1)).unwrap_or(t);
            let (row, column) = if attrs.time_first { (from, b) } else { (b, from) };
            bytes::copy(y, bytes::from(x, row.wrapping_mul(columns).wrapping_add(column), inner));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn turns_around_what_each_sample_has() {
        let x = Tensor::of(&[2, 3], &[0f32, 1., 2., 3., 4., 5.]);
        let batch = ReverseSequenceAttrs { time_first: false };
        let y = run::<ReverseSequence>(&batch, &[&x, &Tensor::of(&[2], &[2i64, 9])]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 3], &[1f32, 0., 2., 5., 4., 3.]));
        let time = ReverseSequenceAttrs { time_first: true };
        let y = run::<ReverseSequence>(&time, &[&x, &Tensor::of(&[3], &[2i64, -1, 1])]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 3], &[3f32, 1., 2., 0., 4., 5.]));
        assert_eq!(run::<ReverseSequence>(&time, &[&x, &Tensor::of(&[2], &[1i64, 1])]).unwrap_err(), Refusal::Shape);
    }
}
