//! How reductions walk: for each element of the output, the elements of the input that make it.

use super::broadcast::{At, Walk, joined};
use super::number::{ByType, Number};
use super::reduce::ReduceAttrs;
use super::types::Types;
use crate::strided::row_major;
use crate::{DType, Error, Io, MAX_RANK, Outputs, Shape, Sig};

/// What a reduction does to an element, to two partial results and at the end.
pub(super) trait Reduction {
    /// The partial result of nothing.
    const EMPTY: f32;
    /// Joins partial results of any type.
    const JOIN: ByType;

    fn map(x: f32) -> f32 {
        x
    }

    fn finish(sum: f32, count: usize) -> f32 {
        let _ = count;
        sum
    }

    fn map_any(x: Number) -> Number {
        x
    }

    fn empty(dtype: DType) -> Number {
        Number::small(dtype, 0)
    }

    fn finish_any(sum: Number, count: usize) -> Number {
        let _ = count;
        sum
    }
}

/// The reduced axes have length 1 or are gone.
pub(super) fn rule(attrs: &ReduceAttrs, sig: &Sig<'_>, types: Types) -> Result<Outputs, Error> {
    sig.at_most(1)?;
    let x = sig.ty(0)?;
    if !types.has(x.dtype) {
        return Err(Error::DTYPE);
    }
    if attrs.axes.checked_shr(x.shape.rank() as u32).unwrap_or(0) != 0 {
        return Err(Error::ATTRS);
    }
    let mut dims = [0; MAX_RANK];
    let mut rank = 0usize;
    for axis in 0..x.shape.rank() {
        let reduced = is_reduced(attrs, axis);
        if !reduced || attrs.keepdims {
            *dims.get_mut(rank).ok_or(Error::SHAPE)? = if reduced { 1 } else { x.shape.dim(axis) };
            rank = rank.saturating_add(1);
        }
    }
    Outputs::dims(x.dtype, dims.get(..rank).unwrap_or(&[]))
}

fn is_reduced(attrs: &ReduceAttrs, axis: usize) -> bool {
    attrs.axes.wrapping_shr(axis as u32) & 1 == 1
}

/// The elements that make one element of the output.
pub(super) struct Part<'a> {
    start: usize,
    walk: &'a Walk<1>,
}

impl Part<'_> {
    /// Calls `row` with the first element, the distance and the number of elements, row by row.
    fn rows(&self, row: &mut dyn FnMut(At, usize)) {
        self.walk.each(&mut |range, [at]| row(At { start: self.start.wrapping_add(at.start), ..at }, range.len()));
    }

    pub(super) fn each(&self, f: &mut dyn FnMut(usize)) {
        self.rows(&mut |at, len| (0..len).for_each(|i| f(at.of(i))));
    }
}

/// Calls `f` for each element of the output with its position and its elements.
pub(super) fn each(attrs: &ReduceAttrs, shape: &Shape, f: &mut dyn FnMut(usize, &Part<'_>)) {
    let strides = row_major(shape);
    let [kept, reduced] = [false, true].map(|which| {
        // The axes of the other walk have one step here.
        let mut part = *shape;
        for (axis, dim) in part.dims_mut().iter_mut().enumerate() {
            if is_reduced(attrs, axis) != which {
                *dim = 1;
            }
        }
        joined(&part, [strides])
    });
    kept.each(&mut |range, [at]| {
        for (i, y) in range.enumerate() {
            f(y, &Part { start: at.of(i), walk: &reduced });
        }
    });
}

pub(super) fn reduce<R: Reduction>(attrs: &ReduceAttrs, io: &mut Io<'_>) {
    let shape = io.shape(0);
    let count = (0..shape.rank()).filter(|&i| is_reduced(attrs, i)).map(|i| shape.dim(i) as usize);
    let count = count.fold(1, usize::wrapping_mul);
    let dtype = io.ty(0).map_or(DType::F32, |t| t.dtype);
    if dtype == DType::F32 {
        let (x, y) = (io.input::<f32>(0), io.output::<f32>(0));
        each(attrs, &shape, &mut |at, part| {
            if let Some(y) = y.get_mut(at) {
                *y = R::finish(sum::<R>(x, part), count);
            }
        });
        return;
    }
    let (x, y) = (io.bytes(0), io.output_bytes(0));
    each(attrs, &shape, &mut |at, part| {
        let mut sum = None;
        part.each(&mut |i| {
            if let Some(v) = Number::load(dtype, x, i).map(R::map_any) {
                sum = Some(sum.map_or(v, |sum| R::JOIN.apply(sum, v)));
            }
        });
        R::finish_any(sum.unwrap_or_else(|| R::empty(dtype)), count).store(dtype, y, at);
    });
}

/// Partial results that run side by side, so that the processor need not wait for one to begin the next.
const LANES: usize = 8;

fn sum<R: Reduction>(x: &[f32], part: &Part<'_>) -> f32 {
    let join = |a, b| (R::JOIN.single)(a, b);
    let mut lanes = [R::EMPTY; LANES];
    let mut single = R::EMPTY;
    part.rows(&mut |at, len| {
        if at.step == 1 {
            let row = x.get(at.start..at.start.wrapping_add(len)).unwrap_or(&[]);
            let (chunks, tail) = row.as_chunks::<LANES>();
            for chunk in chunks {
                lanes.iter_mut().zip(chunk).for_each(|(lane, &v)| *lane = join(*lane, R::map(v)));
            }
            single = tail.iter().fold(single, |sum, &v| join(sum, R::map(v)));
        } else {
            single = (0..len).filter_map(|i| x.get(at.of(i))).fold(single, |sum, &v| join(sum, R::map(v)));
        }
    });
    lanes.into_iter().fold(single, join)
}
