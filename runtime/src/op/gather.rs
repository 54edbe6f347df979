//! `Gather`, `GatherElements`, `GatherND`: reads at computed positions, any element type.
//!
//! ```text
//! Gather:         y[a.., i.., b..] = x[a.., index[i..], b..]
//! GatherElements: y[.., i, ..]     = x[.., index[.., i, ..], ..]
//! GatherND:       y[a.., i.., b..] = x[a.., index[a.., i.., :].., b..]
//! ```
//!
//! Indices are `i32` or `i64`, computed or constant, counted from the end if negative. One outside the axis, an error
//! in ONNX, reads the nearest element: a run has no errors.

use super::indices::{Indices, index_shape};
use crate::strided::{row_major, rows};
use crate::{Axes, Code, Refusal, Io, Kernels, MAX_RANK, Op, Outputs, Shape, Sig, Type, bytes};

crate::attrs! {
    /// Attributes of [`Gather`] and [`GatherElements`].
    pub struct GatherAttrs {
        /// The axis of `x` that indices count along.
        pub axis: u32,
    }
}

crate::attrs! {
    /// Attributes of [`GatherND`].
    pub struct GatherNdAttrs {
        /// Leading axes that `x` and the indices share.
        pub batch_dims: u32,
    }
}

/// `x, indices -> y`; see the module.
pub struct Gather;

/// `x, indices -> y`; see the module.
pub struct GatherElements;

/// `x, indices -> y`; see the module.
pub struct GatherND;

/// The product of some axes.
pub(super) fn product(dims: &[u32]) -> usize {
    dims.iter().fold(1, |n, &d| n.wrapping_mul(d as usize))
}

/// The product of the axes after `axis`.
pub(super) fn after(shape: &[u32], axis: u32) -> usize {
    product(shape.get((axis as usize).saturating_add(1)..).unwrap_or(&[]))
}

/// A shape of these axes in turn.
fn join(parts: [&[u32]; 3]) -> Result<Shape, Refusal> {
    let (mut dims, mut rank) = ([1; MAX_RANK], 0usize);
    for &dim in parts.into_iter().flatten() {
        *dims.get_mut(rank).ok_or(Refusal::Shape)? = dim;
        rank = rank.wrapping_add(1);
    }
    dims.get(..rank).and_then(Shape::new).ok_or(Refusal::Shape)
}

impl Op for Gather {
    const CODE: Code = Code(165);
    const NAME: &'static str = "Gather";
    type Attrs = GatherAttrs;

    /// `[a.., n, b..], [i..] -> [a.., i.., b..]`
    fn infer(attrs: &GatherAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let (x, indices) = (sig.ty(0)?, index_shape(sig, 1)?);
        let (outer, rest) = x.shape.split_at_checked(attrs.axis as usize).ok_or(Refusal::Attrs)?;
        let (&len, inner) = rest.split_first().ok_or(Refusal::Attrs)?;
        if len == 0 && indices.elements() != 0 {
            return Err(Refusal::Shape);
        }
        out.one(Type::new(x.dtype, join([outer, indices, inner])?))
    }

    fn run<K: Kernels>(attrs: &GatherAttrs, io: &mut Io<'_>) {
        gather(attrs, io);
    }
}

fn gather(attrs: &GatherAttrs, io: &mut Io<'_>) {
    let (shape, indices) = (io.shape(0), Indices::new(io, 1));
    let len = shape.dim(attrs.axis as usize);
    let inner = after(shape, attrs.axis).wrapping_mul(bytes::width(io));
    let block = inner.wrapping_mul(len as usize);
    let taken = inner.wrapping_mul(io.shape(1).elements()).max(1);
    let (x, y) = (io.bytes(0), io.output_bytes(0));
    for (outer, y) in y.chunks_exact_mut(taken).enumerate() {
        let x = bytes::piece(x, outer, block);
        for (i, y) in y.chunks_exact_mut(inner.max(1)).enumerate() {
            bytes::copy(y, bytes::from(x, indices.nearest(i, len), inner));
        }
    }
}

impl Op for GatherElements {
    const CODE: Code = Code(166);
    const NAME: &'static str = "GatherElements";
    type Attrs = GatherAttrs;

    /// `x, [i..] -> [i..]`; `x` is at least as long as the indices, the axis apart.
    fn infer(attrs: &GatherAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let (x, indices) = (sig.ty(0)?, index_shape(sig, 1)?);
        check_elements(x.shape, indices, attrs.axis)?;
        out.dims(x.dtype, indices)
    }

    fn run<K: Kernels>(attrs: &GatherAttrs, io: &mut Io<'_>) {
        gather_elements(attrs, io);
    }
}

/// What `GatherElements` and `ScatterElements` ask of data and indices.
pub(super) fn check_elements(x: &[u32], indices: &[u32], axis: u32) -> Result<(), Refusal> {
    if axis as usize >= x.rank() {
        return Err(Refusal::Attrs);
    }
    let covered = |(k, (&len, &taken)): (usize, (&u32, &u32))| taken <= len || (k == axis as usize && len > 0);
    let fits = x.iter().zip(indices).enumerate().all(covered);
    if x.rank() == indices.rank() && (fits || indices.elements() == 0) { Ok(()) } else { Err(Refusal::Shape) }
}

/// Calls `f` with each position of the indices, in order, and the element of `x` there if the index were 0.
pub(super) fn each_element(x: &[u32], indices: &[u32], axis: u32, f: &mut dyn FnMut(usize, usize)) {
    let mut strides = row_major(x);
    if let Some(stride) = strides.get_mut(axis as usize) {
        *stride = 0;
    }
    let last = indices.rank().saturating_sub(1);
    let step = strides.get(last).copied().unwrap_or(0);
    let mut i = 0usize;
    rows(indices, [0], &[strides], |[at]| {
        for k in 0..indices.dim(last) as isize {
            f(i, at.wrapping_add(k.wrapping_mul(step)).cast_unsigned());
            i = i.wrapping_add(1);
        }
    });
}

fn gather_elements(attrs: &GatherAttrs, io: &mut Io<'_>) {
    let (shape, indices, width) = (io.shape(0), Indices::new(io, 1), bytes::width(io));
    let (len, stride) = (shape.dim(attrs.axis as usize), stride(shape, attrs.axis));
    let (of_indices, x, y) = (io.out_shape(0), io.bytes(0), io.output_bytes(0));
    each_element(shape, of_indices, attrs.axis, &mut |i, at| {
        let at = at.wrapping_add(indices.nearest(i, len).wrapping_mul(stride));
        bytes::spaced(bytes::block(y, i, width), x, width, at.cast_signed(), 0);
    });
}

/// Elements between neighbours along an axis.
pub(super) fn stride(shape: &[u32], axis: u32) -> usize {
    row_major(shape).get(axis as usize).copied().unwrap_or(0).unsigned_abs()
}

impl Op for GatherND {
    const CODE: Code = Code(167);
    const NAME: &'static str = "GatherND";
    type Attrs = GatherNdAttrs;

    /// `[a.., n.., b..], [a.., i.., |n|] -> [a.., i.., b..]`
    fn infer(attrs: &GatherNdAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let (x, indices) = (sig.ty(0)?, index_shape(sig, 1)?);
        let (&depth, outer) = indices.split_last().ok_or(Refusal::Shape)?;
        let batch = outer.get(..attrs.batch_dims as usize).ok_or(Refusal::Attrs)?;
        let (shared, rest) = x.shape.split_at_checked(batch.len()).ok_or(Refusal::Attrs)?;
        let (addressed, inner) = rest.split_at_checked(depth as usize).ok_or(Refusal::Shape)?;
        if shared != batch || (addressed.contains(&0) && indices.elements() != 0) {
            return Err(Refusal::Shape);
        }
        out.one(Type::new(x.dtype, join([outer, inner, &[]])?))
    }

    fn run<K: Kernels>(attrs: &GatherNdAttrs, io: &mut Io<'_>) {
        gather_nd(attrs, io);
    }
}

fn gather_nd(attrs: &GatherNdAttrs, io: &mut Io<'_>) {
    let (shape, indices, index) = (io.shape(0), io.shape(1), Indices::new(io, 1));
    let Some((&depth, outer)) = indices.split_last() else { return };
    let (batch, depth) = (attrs.batch_dims as usize, depth as usize);
    let addressed = shape.get(batch..).and_then(|d| d.get(..depth)).unwrap_or(&[]);
    let inner = product(shape.get(batch.wrapping_add(depth)..).unwrap_or(&[])).wrapping_mul(bytes::width(io));
    let block = product(addressed).wrapping_mul(inner);
    let tuples = product(outer.get(batch..).unwrap_or(&[]));
    let (x, y) = (io.bytes(0), io.output_bytes(0));
    for (b, y) in y.chunks_exact_mut(tuples.wrapping_mul(inner).max(1)).enumerate() {
        let x = bytes::from(x, b, block);
        for (i, y) in y.chunks_exact_mut(inner.max(1)).enumerate() {
            let tuple = b.wrapping_mul(tuples).wrapping_add(i).wrapping_mul(depth);
            let at = addressed.iter().enumerate().fold(0usize, |at, (k, &len)| {
                at.wrapping_mul(len as usize).wrapping_add(index.nearest(tuple.wrapping_add(k), len))
            });
            bytes::copy(y, bytes::from(x, at, inner));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn gathers_rows_and_columns() {
        let x = Tensor::of(&[3, 2], &[1f32, 2., 3., 4., 5., 6.]);
        let i = Tensor::of(&[2], &[2i32, -3]);
        let y = run::<Gather>(&GatherAttrs { axis: 0 }, &[&x, &i]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 2], &[5f32, 6., 1., 2.]));
        let y = run::<Gather>(&GatherAttrs { axis: 1 }, &[&x, &Tensor::of(&[], &[-1i64])]).unwrap();
        assert_eq!(y, Tensor::of(&[3], &[2f32, 4., 6.]));
    }

    #[test]
    fn an_index_outside_reads_the_nearest() {
        let x = Tensor::of(&[3], &[1u8, 2, 3]);
        let i = Tensor::of(&[4], &[i64::MIN, -4, 3, i64::MAX]);
        let nearest = Tensor::of(&[4], &[1u8, 1, 3, 3]);
        assert_eq!(run::<Gather>(&GatherAttrs { axis: 0 }, &[&x, &i]).unwrap(), nearest);
        assert_eq!(run::<GatherElements>(&GatherAttrs { axis: 0 }, &[&x, &i]).unwrap(), nearest);
    }

    #[test]
    fn gathers_elements() {
        let x = Tensor::of(&[3, 3], &[1i16, 2, 3, 4, 5, 6, 7, 8, 9]);
        let i = Tensor::of(&[2, 3], &[1i64, 2, 0, 2, 0, 0]);
        let y = run::<GatherElements>(&GatherAttrs { axis: 0 }, &[&x, &i]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 3], &[4i16, 8, 3, 7, 2, 3]));
        let y = run::<GatherElements>(&GatherAttrs { axis: 1 }, &[&x, &i]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 3], &[2i16, 3, 1, 6, 4, 4]));
    }

    #[test]
    fn gathers_by_tuples() {
        let x = Tensor::of(&[2, 2, 2], &[0i32, 1, 2, 3, 4, 5, 6, 7]);
        let i = Tensor::of(&[2, 2], &[0i64, 1, 1, 0]);
        let y = run::<GatherND>(&GatherNdAttrs { batch_dims: 0 }, &[&x, &i]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 2], &[2i32, 3, 4, 5]));
        let i = Tensor::of(&[2, 1], &[1i64, 0]);
        let y = run::<GatherND>(&GatherNdAttrs { batch_dims: 1 }, &[&x, &i]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 2], &[2i32, 3, 4, 5]));
    }

    #[test]
    fn refuses_what_has_no_nearest_and_other_shapes() {
        let (none, i) = (Tensor::of::<f32>(&[0], &[]), Tensor::of(&[1], &[0i64]));
        assert_eq!(run::<Gather>(&GatherAttrs { axis: 0 }, &[&none, &i]).unwrap_err(), Refusal::Shape);
        assert_eq!(run::<Gather>(&GatherAttrs { axis: 1 }, &[&none, &i]).unwrap_err(), Refusal::Attrs);
        assert_eq!(run::<Gather>(&GatherAttrs { axis: 0 }, &[&i, &none]).unwrap_err(), Refusal::DType);
        let (x, i) = (Tensor::of(&[2, 2], &[0f32; 4]), Tensor::of(&[3, 1], &[0i64; 3]));
        assert_eq!(run::<GatherElements>(&GatherAttrs { axis: 1 }, &[&x, &i]).unwrap_err(), Refusal::Shape);
        let i = Tensor::of(&[1, 3], &[0i64; 3]);
        assert_eq!(run::<GatherND>(&GatherNdAttrs { batch_dims: 0 }, &[&x, &i]).unwrap_err(), Refusal::Shape);
        assert_eq!(run::<GatherND>(&GatherNdAttrs { batch_dims: 2 }, &[&x, &i]).unwrap_err(), Refusal::Attrs);
    }
}
