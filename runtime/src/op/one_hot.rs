//! `OneHot`: `y[a.., d, b..] = on if index[a.., b..] = d else off`, any element type.
//!
//! Indices are `i32`, `i64` or `f32`, counted from the end if negative; one outside gives `off` everywhere.

use super::gather::product;
use super::indices::{Indices, index_shape};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, MAX_RANK, Op, Outputs, Shape, Sig, bytes};

crate::attrs! {
    /// Attributes of [`OneHot`].
    pub struct OneHotAttrs {
        /// The new axis.
        pub axis: u32,
        /// Its length.
        pub depth: u32,
    }
}

/// `indices, [off, on] -> y`; see the module.
pub struct OneHot;

impl Op for OneHot {
    const CODE: Code = Code(171);
    const NAME: &'static str = "OneHot";
    type Attrs = OneHotAttrs;

    /// `[a.., b..], [2] -> [a.., depth, b..]`
    fn infer(attrs: &OneHotAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let (indices, values) = (index_shape(sig, 0).or(sig.shape(0, DType::F32))?, sig.ty(1)?);
        if values.shape != [2] {
            return Err(Refusal::Shape);
        }
        let (outer, inner) = indices.split_at_checked(attrs.axis as usize).ok_or(Refusal::Attrs)?;
        let mut dims = [1; MAX_RANK];
        for (slot, &dim) in dims.iter_mut().zip(outer.iter().chain(&[attrs.depth]).chain(inner)) {
            *slot = dim;
        }
        let shape = dims.get(..indices.rank().wrapping_add(1)).and_then(Shape::new).ok_or(Refusal::Shape)?;
        out.dims(values.dtype, &shape)
    }

    fn run<K: Kernels>(attrs: &OneHotAttrs, io: &mut Io<'_>) {
        one_hot(attrs, io);
    }
}

fn one_hot(attrs: &OneHotAttrs, io: &mut Io<'_>) {
    let (shape, indices, width) = (io.shape(0), Indices::new(io, 0), bytes::width(io));
    let Some((off, on)) = io.bytes(1).split_at_checked(width) else { return };
    let inner = product(shape.get(attrs.axis as usize..).unwrap_or(&[]));
    let block = inner.wrapping_mul(attrs.depth as usize).wrapping_mul(width);
    let y = io.output_bytes(0);
    bytes::fill(y, off);
    for (a, y) in y.chunks_exact_mut(block.max(1)).enumerate() {
        for b in 0..inner {
            if let Some(d) = indices.within(a.wrapping_mul(inner).wrapping_add(b), attrs.depth) {
                bytes::copy(bytes::block(y, d.wrapping_mul(inner).wrapping_add(b), width), on);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn marks_one_place() {
        let (i, v) = (Tensor::of(&[3], &[1i64, -1, 3]), Tensor::of(&[2], &[5u8, 9]));
        let y = run::<OneHot>(&OneHotAttrs { axis: 1, depth: 3 }, &[&i, &v]).unwrap();
        assert_eq!(y, Tensor::of(&[3, 3], &[5u8, 9, 5, 5, 5, 9, 5, 5, 5]));
        let i = Tensor::of(&[2], &[0f32, 1.]);
        let y = run::<OneHot>(&OneHotAttrs { axis: 0, depth: 3 }, &[&i, &v]).unwrap();
        assert_eq!(y, Tensor::of(&[3, 2], &[9u8, 5, 5, 9, 5, 5]));
    }

    #[test]
    fn refuses_more_values_than_off_and_on() {
        let (i, v) = (Tensor::of(&[1], &[0i64]), Tensor::of(&[3], &[0u8; 3]));
        assert_eq!(run::<OneHot>(&OneHotAttrs { axis: 0, depth: 1 }, &[&i, &v]).unwrap_err(), Refusal::Shape);
        let v = Tensor::of(&[2], &[0u8; 2]);
        assert_eq!(run::<OneHot>(&OneHotAttrs { axis: 2, depth: 1 }, &[&i, &v]).unwrap_err(), Refusal::Attrs);
    }
}
