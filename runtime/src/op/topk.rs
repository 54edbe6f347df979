//! `TopK`: the `k` greatest or least elements along an axis, best first, and where they lie.
//!
//! Of equal elements the one with the lower index comes first; NaN is above every number.
//!
//! The indices of the best elements so far form a heap with the worst at its root, kept in the output itself:
//! `n log k` comparisons, no scratch.

use super::gather::after;
use super::number::Number;
use super::types::Types;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Shape, Sig, Type};
use core::cmp::Ordering;

crate::attrs! {
    /// Attributes of [`TopK`].
    pub struct TopKAttrs {
        /// The axis.
        pub axis: u32,
        /// The number of elements, at most the axis's length.
        pub k: u32,
        /// Whether the greatest are meant, not the least.
        pub largest: bool,
    }
}

/// `[.., n, ..] -> [.., k, ..], [.., k, ..] of i64`: values and indices; see the module.
pub struct TopK;

impl Op for TopK {
    const CODE: Code = Code(145);
    const NAME: &'static str = "TopK";
    type Attrs = TopKAttrs;

    fn infer(attrs: &TopKAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.ty(0)?;
        if !Types::NUMERIC.has(x.dtype) {
            return Err(Refusal::DType);
        }
        let mut shape = Shape::of(x.shape);
        let dim = shape.dims_mut().get_mut(attrs.axis as usize).ok_or(Refusal::Attrs)?;
        if attrs.k > *dim {
            return Err(Refusal::Attrs);
        }
        *dim = attrs.k;
        out.many(&[Type::new(x.dtype, shape), Type::new(DType::I64, shape)])
    }

    fn run<K: Kernels>(attrs: &TopKAttrs, io: &mut Io<'_>) {
        let (shape, axis) = (io.shape(0), attrs.axis as usize);
        let (len, k) = (shape.dim(axis) as usize, attrs.k as usize);
        let inner = after(shape, attrs.axis);
        let dtype = io.ty(0).map_or(DType::F32, |t| t.dtype);
        let (x, values, indices) = (io.bytes(0), io.output_bytes(0), io.output::<i64>(1));
        for lane in 0..indices.len().checked_div(k).unwrap_or(0) {
            let (outer, first) = (lane.checked_div(inner).unwrap_or(0), lane.checked_rem(inner).unwrap_or(0));
            let from = |n: usize| outer.wrapping_mul(n).wrapping_mul(inner).wrapping_add(first);
            let mut best = Best { dtype, x, largest: attrs.largest, from: from(len), to: from(k), step: inner, indices };
            best.select(len, k);
            for i in 0..k {
                if let Some(v) = best.value(best.get(i)) {
                    v.store(dtype, values, best.to.wrapping_add(i.wrapping_mul(inner)));
                }
            }
        }
    }
}

/// One lane of input and its heap.
struct Best<'a> {
    dtype: DType,
    x: &'a [u8],
    largest: bool,
    /// Where the lane begins in the input and in the outputs, and how far its elements lie apart.
    from: usize,
    to: usize,
    step: usize,
    indices: &'a mut [i64],
}

impl Best<'_> {
    fn select(&mut self, len: usize, k: usize) {
        (0..k).for_each(|i| self.set(i, i as i64));
        (0..k / 2).rev().for_each(|root| self.sink(root, k));
        for i in k..len {
            if self.beats(i as i64, self.get(0)) {
                self.set(0, i as i64);
                self.sink(0, k);
            }
        }
        // The worst goes to the end, over and over.
        for end in (1..k).rev() {
            self.swap(0, end);
            self.sink(0, end);
        }
    }

    /// Restores the heap of `len` elements below `root`.
    fn sink(&mut self, mut root: usize, len: usize) {
        loop {
            let left = root.wrapping_mul(2).wrapping_add(1);
            let mut worst = root;
            for child in [left, left.wrapping_add(1)] {
                if child < len && self.beats(self.get(worst), self.get(child)) {
                    worst = child;
                }
            }
            if worst == root {
                return;
            }
            self.swap(root, worst);
            root = worst;
        }
    }

    /// Whether element `a` comes before element `b`.
    fn beats(&self, a: i64, b: i64) -> bool {
        let Some((x, y)) = self.value(a).zip(self.value(b)) else { return false };
        let order = x.total_order(y);
        let order = if self.largest { order.reverse() } else { order };
        order.then(a.cmp(&b)) == Ordering::Less
    }

    fn value(&self, i: i64) -> Option<Number> {
        Number::load(self.dtype, self.x, self.from.wrapping_add((i as usize).wrapping_mul(self.step)))
    }

    fn place(&self, i: usize) -> usize {
        self.to.wrapping_add(i.wrapping_mul(self.step))
    }

    fn get(&self, i: usize) -> i64 {
        self.indices.get(self.place(i)).copied().unwrap_or(0)
    }

    fn set(&mut self, i: usize, v: i64) {
        let place = self.place(i);
        if let Some(slot) = self.indices.get_mut(place) {
            *slot = v;
        }
    }

    fn swap(&mut self, i: usize, j: usize) {
        let (a, b) = (self.get(i), self.get(j));
        self.set(i, b);
        self.set(j, a);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run_all};

    fn check(attrs: TopKAttrs, x: &Tensor, values: Tensor, indices: Tensor) {
        assert_eq!(run_all::<TopK>(&attrs, &[Some(x)], None).unwrap(), [values, indices]);
    }

    #[test]
    fn best_first_and_the_lower_index_of_equals() {
        let x = Tensor::of(&[7], &[3.0f32, 1.0, 9.0, 3.0, 7.0, 9.0, 0.5]);
        let attrs = TopKAttrs { axis: 0, k: 4, largest: true };
        check(attrs, &x, Tensor::of(&[4], &[9.0f32, 9.0, 7.0, 3.0]), Tensor::of(&[4], &[2i64, 5, 4, 0]));
        let attrs = TopKAttrs { k: 7, largest: false, ..attrs };
        let all = Tensor::of(&[7], &[0.5f32, 1.0, 3.0, 3.0, 7.0, 9.0, 9.0]);
        check(attrs, &x, all, Tensor::of(&[7], &[6i64, 1, 0, 3, 4, 2, 5]));
        let none = TopKAttrs { k: 0, ..attrs };
        check(none, &x, Tensor::of(&[0], &[0.0f32; 0]), Tensor::of(&[0], &[0i64; 0]));
    }

    #[test]
    fn down_columns() {
        let x = Tensor::of(&[3, 2], &[1i32, 6, 2, 5, 3, 4]);
        let attrs = TopKAttrs { axis: 0, k: 2, largest: true };
        check(attrs, &x, Tensor::of(&[2, 2], &[3i32, 6, 2, 5]), Tensor::of(&[2, 2], &[2i64, 0, 1, 1]));
    }

    #[test]
    fn refuses_more_than_there_are() {
        let x = Tensor::of(&[3], &[1.0f32; 3]);
        let attrs = TopKAttrs { axis: 0, k: 4, largest: true };
        assert_eq!(run_all::<TopK>(&attrs, &[Some(&x)], None), Err(Refusal::Attrs));
        assert_eq!(run_all::<TopK>(&TopKAttrs { axis: 1, k: 1, ..attrs }, &[Some(&x)], None), Err(Refusal::Attrs));
    }
}
