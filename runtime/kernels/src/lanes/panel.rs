//! Rows of operands on the stack, and the products of a few with a few.
//!
//! ```text
//! patches   rows of units, one row per output pixel
//! weights   eight rows of units, one per output channel, interleaved: [unit][8]
//! tile      sums[p][o] = Σ_k patches[p][k] · weights[o][k] for four pixels and eight channels
//! ```
//!
//! Beyond the end of a row, weights are 0 and patches are whatever was there.

use super::{Lanes, load_8};
use crate::ToI8;

/// Output channels of a tile.
pub(super) const COLS: usize = 8;

/// Pixels of a tile.
const TILE: usize = 4;

/// Units of a row at most: what is longer goes in stretches.
const UNITS: usize = 320;

/// Rows at most.
const ROWS: usize = 64;

/// Units in all rows.
const CAPACITY: usize = 6144;

/// Both operands, and what rows have come to before.
pub(super) struct Panels<L: Lanes<N, U>, const N: usize, const U: usize> {
    patches: [[L::Element; U]; CAPACITY],
    weights: [[L::Weights; 2]; UNITS],
    sums: [i32; ROWS],
    /// Of rows of several stretches.
    stretches: [[L::Sums; 2]; ROWS],
}

/// What eight channels of some pixels become.
pub(super) struct Finish<'a> {
    /// Added to the sums.
    pub(super) base: [i32; COLS],
    /// Whether [`Panels::sums`] are, too.
    pub(super) before: bool,
    /// Whether they go on from the sums of the stretch before.
    pub(super) carry: bool,
    /// Whether there is a stretch after this one.
    pub(super) more: bool,
    pub(super) scale: &'a [f32; COLS],
    pub(super) output: ToI8,
    /// Elements of a pixel.
    pub(super) stride: usize,
    /// The first of the channels, and how many there are.
    pub(super) from: usize,
    pub(super) outs: usize,
}

impl<L: Lanes<N, U>, const N: usize, const U: usize> Panels<L, N, U> {
    /// Elements of a row at most.
    pub(super) const DEPTH: usize = UNITS * U;

    pub(super) fn new() -> Panels<L, N, U> {
        Panels {
            patches: [[L::ZERO; U]; CAPACITY],
            weights: [[L::NO_WEIGHTS; 2]; UNITS],
            sums: [0; ROWS],
            stretches: [[L::sums([0; 4]); 2]; ROWS],
        }
    }

    /// How many rows of `len` elements there is room for: some tiles.
    pub(super) fn rows(len: usize) -> usize {
        (CAPACITY / len.div_ceil(U).clamp(1, UNITS)).min(ROWS) / TILE * TILE
    }

    /// Room for rows, each `len` rounded up to whole units.
    pub(super) fn patches(&mut self) -> &mut [L::Element] {
        self.patches.as_flattened_mut()
    }

    /// What is added to all sums of the rows of patches, if [`Finish::before`].
    pub(super) fn sums(&mut self) -> &mut [i32] {
        &mut self.sums
    }

    /// Takes `len` elements of up to eight rows that begin `stride` apart, and returns the sum of each.
    #[inline(never)]
    pub(super) fn pack(&mut self, rows: &[i8], stride: usize, len: usize) -> [i32; COLS] {
        let row = |o: usize| {
            let start = o.wrapping_mul(stride);
            rows.get(start..start.wrapping_add(len)).unwrap_or(&[])
        };
        let mut sums = [L::sums([0; 4]); 2];
        for (half, sums) in sums.iter_mut().enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|o| row(half * 4 + o));
            for (i, to) in self.weights.chunks_mut(4).take(len.div_ceil(N)).enumerate() {
                let [last_a, last_b, last_c, last_d] = &mut [[0; N]; 4];
                let at = i.wrapping_mul(N);
                let rows = [chunk(a, at, last_a), chunk(b, at, last_b), chunk(c, at, last_c), chunk(d, at, last_d)];
                let (units, total) = L::weights(rows, *sums);
                *sums = total;
                for (to, unit) in to.iter_mut().zip(units) {
                    if let Some(to) = to.get_mut(half) {
                        *to = unit;
                    }
                }
            }
        }
        let [[a, b, c, d], [e, f, g, h]] = sums.map(L::values);
        [a, b, c, d, e, f, g, h]
    }

    /// The products of `count` rows, `len` long, with the rows of weights, into `y`. The rows are the patches, or given.
    pub(super) fn multiply(
        &mut self,
        rows: Option<&[L::Element]>,
        count: usize,
        len: usize,
        finish: &Finish<'_>,
        y: &mut [i8],
    ) {
        let units = len.div_ceil(U);
        let [b0, b1, b2, b3, b4, b5, b6, b7] = finish.base;
        let base = [L::sums([b0, b1, b2, b3]), L::sums([b4, b5, b6, b7])];
        let scale = load_8::<L::Reals>(finish.scale);
        let special = finish.before || finish.carry || finish.more;
        let mut at = finish.from;
        for first in (0..count).step_by(TILE) {
            let rows = rows.map_or(self.patches.as_slice(), |rows| rows.as_chunks().0);
            let rows = rows.get(first.wrapping_mul(units)..).unwrap_or(&[]);
            // Where there are fewer, the first one stands in for the others.
            let row = |i: usize| rows.get(i.wrapping_mul(units)..).and_then(|r| r.get(..units));
            let start = row(0).unwrap_or(&[]);
            let rows = [start, row(1).unwrap_or(start), row(2).unwrap_or(start), row(3).unwrap_or(start)];
            let [mut a, mut b, mut c, mut d] = self.tile(rows, base);
            if special {
                (first..)
                    .zip([&mut a, &mut b, &mut c, &mut d])
                    .for_each(|(pixel, sums)| self.carry(pixel, sums, finish));
                if finish.more {
                    continue;
                }
            }
            // Written out: a loop over an array of registers is one over memory.
            let mut put = |i: usize, sums: [L::Sums; 2]| {
                if first.wrapping_add(i) < count {
                    store(y, at, L::requantize(sums, scale, finish.output), finish.outs);
                }
                at = at.wrapping_add(finish.stride);
            };
            put(0, a);
            put(1, b);
            put(2, c);
            put(3, d);
        }
    }

    /// Adds what a row has come to before, and keeps it for a stretch after this one.
    #[inline(never)]
    fn carry(&mut self, pixel: usize, sums: &mut [L::Sums; 2], finish: &Finish<'_>) {
        if let Some(&before) = self.sums.get(pixel).filter(|_| finish.before) {
            *sums = sums.map(|sums| L::add(sums, L::sums([before; 4])));
        }
        if let Some(carried) = self.stretches.get_mut(pixel) {
            if finish.carry {
                let ([low, high], [more_low, more_high]) = (*sums, *carried);
                *sums = [L::add(low, more_low), L::add(high, more_high)];
            }
            *carried = *sums;
        }
    }

    /// `base` plus the products of four rows with the rows of weights.
    #[inline(always)]
    fn tile(&self, [a, b, c, d]: [&[[L::Element; U]]; TILE], base: [L::Sums; 2]) -> [[L::Sums; 2]; TILE] {
        let [[a0, a1], [b0, b1], [c0, c1], [d0, d1]] = &mut [base; TILE];
        for (&[w0, w1], ((a, b), (c, d))) in self.weights.iter().zip(a.iter().zip(b).zip(c.iter().zip(d))) {
            (*a0, *a1) = (L::dot(*a0, a, w0), L::dot(*a1, a, w1));
            (*b0, *b1) = (L::dot(*b0, b, w0), L::dot(*b1, b, w1));
            (*c0, *c1) = (L::dot(*c0, c, w0), L::dot(*c1, c, w1));
            (*d0, *d1) = (L::dot(*d0, d, w0), L::dot(*d1, d, w1));
        }
        [[*a0, *a1], [*b0, *b1], [*c0, *c1], [*d0, *d1]]
    }
}

/// `N` elements of a row, followed by 0 where it ends.
#[inline(always)]
fn chunk<'a, const N: usize>(row: &'a [i8], at: usize, last: &'a mut [i8; N]) -> &'a [i8; N] {
    let row = row.get(at..).unwrap_or(&[]);
    row.first_chunk().unwrap_or_else(|| {
        last.iter_mut().zip(row).for_each(|(l, &w)| *l = w);
        last
    })
}

/// Writes the first `n` of eight from `at` on.
#[inline(always)]
fn store(y: &mut [i8], at: usize, values: [i8; COLS], n: usize) {
    let y = y.get_mut(at..).unwrap_or(&mut []);
    match y.first_chunk_mut::<COLS>().filter(|_| n >= COLS) {
        Some(y) => *y = values,
        None => store_some(y, &values, n),
    }
}

#[cold]
#[inline(never)]
fn store_some(y: &mut [i8], values: &[i8; COLS], n: usize) {
    y.iter_mut().zip(values).take(n).for_each(|(y, v)| *y = *v);
}

/// Eight values from `at` on; 0 where there are none.
pub(super) fn eight<T: Copy + Default>(values: &[T], at: usize) -> [T; COLS] {
    let mut eight = [T::default(); COLS];
    eight.iter_mut().zip(values.get(at..).unwrap_or(&[])).for_each(|(e, v)| *e = *v);
    eight
}
