//! How reductions walk: for each element of the output, the elements of the input that make it.

use super::broadcast::{At, Walk};
use super::number::{ByType, Number};
use super::reduce::ReduceAttrs;
use super::types::Types;
use crate::strided::row_major;
use crate::{Axes, DType, Io, MAX_RANK, Outputs, Refusal, Shape, Sig};

/// What a reduction does to an element, to two partial results and at the end.
pub(super) struct Reduction {
    /// Joins a row of `f32` to the partial results.
    pub(super) fold: fn(&mut Sums, &Row<'_>),
    /// Joins partial results of any type.
    pub(super) join: ByType,
    /// An element as it is joined, `f32` apart: `fold` sees to those.
    pub(super) map: fn(Number) -> Number,
    /// The partial result of nothing.
    pub(super) empty: fn(DType) -> Number,
    /// The result, given the number of elements.
    pub(super) finish: fn(Number, usize) -> Number,
}

/// The reduced axes have length 1 or are gone.
pub(super) fn rule(attrs: &ReduceAttrs, sig: &Sig<'_>, types: Types, out: &mut Outputs) -> Result<(), Refusal> {
    sig.at_most(1)?;
    let x = sig.ty(0)?;
    if !types.has(x.dtype) {
        return Err(Refusal::DType);
    }
    if attrs.axes.checked_shr(x.shape.rank() as u32).unwrap_or(0) != 0 {
        return Err(Refusal::Attrs);
    }
    let mut dims = [0; MAX_RANK];
    let mut rank = 0usize;
    for axis in 0..x.shape.rank() {
        let reduced = is_reduced(attrs, axis);
        if !reduced || attrs.keepdims {
            *dims.get_mut(rank).ok_or(Refusal::Shape)? = if reduced { 1 } else { x.shape.dim(axis) };
            rank = rank.saturating_add(1);
        }
    }
    out.dims(x.dtype, dims.get(..rank).unwrap_or(&[]))
}

fn is_reduced(attrs: &ReduceAttrs, axis: usize) -> bool {
    attrs.axes.wrapping_shr(axis as u32) & 1 == 1
}

/// The elements that make one element of the output.
pub(super) struct Part<'a> {
    start: usize,
    walk: &'a Walk,
}

impl Part<'_> {
    /// Calls `row` with the first element, the distance and the number of elements, row by row.
    fn rows(&self, row: &mut dyn FnMut(At, usize)) {
        self.walk.each(&mut |range, [at, ..]| row(At { start: self.start.wrapping_add(at.start), ..at }, range.len()));
    }

    pub(super) fn each(&self, f: &mut dyn FnMut(usize)) {
        self.rows(&mut |at, len| (0..len).for_each(|i| f(at.of(i))));
    }
}

/// Calls `f` for each element of the output with its position and its elements.
pub(super) fn each(attrs: &ReduceAttrs, shape: &[u32], f: &mut dyn FnMut(usize, &Part<'_>)) {
    let strides = row_major(shape);
    let [kept, reduced] = [false, true].map(|which| {
        // The axes of the other walk have one step here.
        let mut part = Shape::of(shape);
        for (axis, dim) in part.dims_mut().iter_mut().enumerate() {
            if is_reduced(attrs, axis) != which {
                *dim = 1;
            }
        }
        Walk::one(&part, strides)
    });
    kept.each(&mut |range, [at, ..]| {
        for (i, y) in range.enumerate() {
            f(y, &Part { start: at.of(i), walk: &reduced });
        }
    });
}

pub(super) fn reduce(how: &Reduction, attrs: &ReduceAttrs, io: &mut Io<'_>) {
    let shape = io.shape(0);
    let count = (0..shape.rank()).filter(|&i| is_reduced(attrs, i)).map(|i| shape.dim(i) as usize);
    let count = count.fold(1, usize::wrapping_mul);
    let dtype = io.ty(0).map_or(DType::F32, |t| t.dtype);
    let (singles, x, y) = (io.input::<f32>(0), io.bytes(0), io.output_bytes(0));
    each(attrs, shape, &mut |at, part| {
        let sum = if dtype == DType::F32 { how.of_singles(singles, part) } else { how.of_any(dtype, x, part) };
        (how.finish)(sum, count).store(dtype, y, at);
    });
}

/// Partial results that run side by side, so that the processor need not wait for one to begin the next.
const LANES: usize = 8;

/// The partial results of an `f32` reduction.
pub(super) struct Sums {
    lanes: [f32; LANES],
    single: f32,
}

/// Elements that make one result, `at.step` apart.
pub(super) struct Row<'a> {
    x: &'a [f32],
    at: At,
    len: usize,
}

impl Sums {
    #[inline]
    pub(super) fn fold(&mut self, row: &Row<'_>, f: impl Fn(f32, f32) -> f32) {
        let &Row { x, at, len } = row;
        if at.step != 1 {
            self.single = (0..len).filter_map(|i| x.get(at.of(i))).fold(self.single, |sum, &v| f(sum, v));
            return;
        }
        let (chunks, tail) = x.get(at.start..at.start.wrapping_add(len)).unwrap_or(&[]).as_chunks::<LANES>();
        for chunk in chunks {
            self.lanes.iter_mut().zip(chunk).for_each(|(lane, &v)| *lane = f(*lane, v));
        }
        self.single = tail.iter().fold(self.single, |sum, &v| f(sum, v));
    }
}

impl Reduction {
    fn of_singles(&self, x: &[f32], part: &Part<'_>) -> Number {
        let empty = (self.empty)(DType::F32).to_f32();
        let mut sums = Sums { lanes: [empty; LANES], single: empty };
        part.rows(&mut |at, len| (self.fold)(&mut sums, &Row { x, at, len }));
        Number::F32(sums.lanes.into_iter().fold(sums.single, self.join.single))
    }

    fn of_any(&self, dtype: DType, x: &[u8], part: &Part<'_>) -> Number {
        let mut sum = None;
        part.each(&mut |i| {
            if let Some(v) = Number::load(dtype, x, i).map(self.map) {
                sum = Some(sum.map_or(v, |sum| self.join.apply(sum, v)));
            }
        });
        sum.unwrap_or_else(|| (self.empty)(dtype))
    }
}
