//! Pooling: a fold over each window of each channel.
//!
//! ```text
//! y[n, o, c] = finish(fold over taps k of step, from start, x[n, o · stride + k · dilation - pad, c])
//! ```
//!
//! Taps in the padding are left out; the others come in rising order. Eight channels are folded at a time.

use super::rows::{Row, each_row};
use crate::{Axis, Pool};
use core::ops::Range;

/// Channels folded at once.
const LANES: usize = 8;

/// What a pooling does with the elements of a window.
pub struct Fold<A, S, F> {
    /// The value of a window without elements.
    pub start: A,
    /// Takes in an element.
    pub step: S,
    /// For an output's position along each axis, what makes its result of the folded value.
    pub finish: F,
}

/// Pools with any fold; see the module.
pub fn pool<T, U, A, S, F, R>(g: &Pool, x: &[T], y: &mut [U], fold: &Fold<A, S, F>)
where
    T: Copy,
    A: Copy,
    S: Fn(A, T) -> A,
    F: Fn([usize; 3]) -> R,
    R: Fn(A) -> U,
{
    let [_, _, x_axis] = &g.axes;
    each_row(&g.axes, g.batch, x_axis.output.wrapping_mul(g.channels), y, |row, y| {
        for (at, y) in y.chunks_exact_mut(g.channels.max(1)).enumerate() {
            let finish = (fold.finish)(row.position(at));
            let window = Window { g, x, row, at, taps: x_axis.taps(at) };
            for (block, y) in y.chunks_mut(LANES).enumerate() {
                let first = block.wrapping_mul(LANES);
                let folded = window.fold(first, fold.start, &fold.step);
                y.iter_mut().zip(folded).for_each(|(y, a)| *y = finish(a));
            }
        }
    });
}

/// The elements under one output.
struct Window<'a, T> {
    g: &'a Pool,
    x: &'a [T],
    row: &'a Row,
    at: usize,
    taps: Range<usize>,
}

impl<T: Copy> Window<'_, T> {
    /// Folds eight channels. Those beyond the last are a neighbour's, and never stored.
    #[inline(always)]
    fn fold<A: Copy>(&self, first: usize, start: A, step: &impl Fn(A, T) -> A) -> [A; LANES] {
        let [_, _, x_axis] = &self.g.axes;
        let mut folded = [start; LANES];
        self.row.each_input(&self.g.axes, |pixel, _| {
            for k in self.taps.clone() {
                let pixel = pixel.wrapping_add(x_axis.position(self.at, k));
                let x = self.x.get(pixel.wrapping_mul(self.g.channels).wrapping_add(first)..).unwrap_or(&[]);
                match x.first_chunk::<LANES>() {
                    Some(x) => folded.iter_mut().zip(x).for_each(|(a, &x)| *a = step(*a, x)),
                    None => folded.iter_mut().zip(x).for_each(|(a, &x)| *a = step(*a, x)),
                }
            }
        });
        folded
    }
}

/// An element that has a greatest.
pub trait Ordered: Copy + PartialOrd {
    /// Not greater than any element.
    const LOWEST: Self;
}

macro_rules! ordered {
    ($($t:ty: $lowest:expr),*) => {$(impl Ordered for $t { const LOWEST: $t = $lowest; })*};
}
ordered!(f32: f32::NEG_INFINITY, half::f16: half::f16::NEG_INFINITY, i8: i8::MIN, u8: u8::MIN);

/// The greatest element of each window; NaN is never the greatest.
pub fn max_pool<T: Ordered>(g: &Pool, x: &[T], y: &mut [T]) {
    let step = |a, x| if x > a { x } else { a };
    pool(g, x, y, &Fold { start: T::LOWEST, step, finish: |_| |a| a });
}

/// The mean of each window: the sum divided by the taps that lie within `counted`, but at least 1. `counted` are
/// the axes of `g`, or such as have the padding as part of their input.
pub fn average_pool_f32(g: &Pool, counted: &[Axis; 3], x: &[f32], y: &mut [f32]) {
    let finish = |at: [usize; 3]| {
        let count: f32 = counted.iter().zip(at).map(|(a, o)| a.taps(o).len() as f32).product();
        move |sum| sum / count.max(1.0)
    };
    pool(g, x, y, &Fold { start: 0.0f32, step: |a, x| a + x, finish });
}
