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

/// Where rows lie, in units: each is one run, or some that lie apart.
pub(super) struct Walk {
    /// How many rows.
    pub(super) count: usize,
    /// Where the first begins.
    pub(super) start: usize,
    /// From one row to the next.
    pub(super) step: usize,
    /// Runs of a row, and the length of each.
    pub(super) runs: usize,
    pub(super) run: usize,
    /// From one run to the next.
    pub(super) line: usize,
}

impl Walk {
    /// Rows of `units` units, one after the other.
    pub(super) fn rows(count: usize, units: usize) -> Walk {
        Walk { count, start: 0, step: units, runs: 1, run: units, line: 0 }
    }
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
    /// Elements of all rows at most.
    pub(super) const ROOM: usize = CAPACITY * U;

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
            let rows = [0, 1, 2, 3].map(|o| row(half * 4 + o));
            let [a, b, c, d] = rows.map(|row| row.as_chunks::<N>().0);
            let whole = a.len().min(b.len()).min(c.len()).min(d.len());
            for (to, ((a, b), (c, d))) in self.weights.chunks_exact_mut(4).zip(a.iter().zip(b).zip(c.iter().zip(d))) {
                *sums = put::<L, N, U>(to, half, [a, b, c, d], *sums);
            }
            // Where rows end, or are not there.
            for (i, to) in (whole..len.div_ceil(N)).zip(self.weights.chunks_exact_mut(4).skip(whole)) {
                let at = i.wrapping_mul(N);
                let last = &mut [[0; N]; 4];
                for (last, row) in last.iter_mut().zip(rows) {
                    last.iter_mut().zip(row.get(at..).unwrap_or(&[])).for_each(|(l, &w)| *l = w);
                }
                let [a, b, c, d] = &*last;
                *sums = put::<L, N, U>(to, half, [a, b, c, d], *sums);
            }
        }
        let [[a, b, c, d], [e, f, g, h]] = sums.map(L::values);
        [a, b, c, d, e, f, g, h]
    }

    /// The products of some rows with the rows of weights, into `y`. The rows are patches, or given.
    pub(super) fn multiply(&mut self, rows: Option<&[L::Element]>, walk: &Walk, finish: &Finish<'_>, y: &mut [i8]) {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = finish.base;
        let base = [L::sums([b0, b1, b2, b3]), L::sums([b4, b5, b6, b7])];
        let scale = load_8::<L::Reals>(finish.scale);
        let special = finish.before || finish.carry || finish.more;
        let mut rest = walk.count;
        let mut offsets = [0, 1, 2, 3].map(|i| walk.step.wrapping_mul(i));
        let (mut start, mut at) = (walk.start, finish.from);
        for first in (0..walk.count).step_by(TILE) {
            let units = rows.map_or(self.patches.as_slice(), |rows| rows.as_chunks().0);
            if rest < TILE {
                // The last one stands in for those that are not there.
                offsets = [0, 1, 2, 3].map(|i: usize| walk.step.wrapping_mul(i.min(rest.wrapping_sub(1))));
            }
            let [mut a, mut b, mut c, mut d] = [base; TILE];
            let (mut left, mut here) = (self.weights.as_slice(), start);
            for _ in 0..walk.runs {
                let (weights, later) = left.split_at_checked(walk.run).unwrap_or_default();
                let run = |offset: usize| {
                    let at = here.wrapping_add(offset);
                    units.get(at..at.wrapping_add(walk.run)).unwrap_or(&[])
                };
                [a, b, c, d] = tile::<L, N, U>([a, b, c, d], weights, offsets.map(run));
                (left, here) = (later, here.wrapping_add(walk.line));
            }
            rest = rest.wrapping_sub(TILE);
            start = start.wrapping_add(walk.step.wrapping_mul(TILE));
            if special {
                let mut carry = |i: usize, sums| self.carry(first.wrapping_add(i), sums, finish);
                [a, b, c, d] = [carry(0, a), carry(1, b), carry(2, c), carry(3, d)];
                if finish.more {
                    continue;
                }
            }
            // Written out: a loop over an array of registers is one over memory.
            let mut put = |i: usize, sums: [L::Sums; 2]| {
                if first.wrapping_add(i) < walk.count {
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
    fn carry(&mut self, pixel: usize, mut sums: [L::Sums; 2], finish: &Finish<'_>) -> [L::Sums; 2] {
        if let Some(&before) = self.sums.get(pixel).filter(|_| finish.before) {
            sums = sums.map(|sums| L::add(sums, L::sums([before; 4])));
        }
        if let Some(carried) = self.stretches.get_mut(pixel) {
            if finish.carry {
                let ([low, high], [more_low, more_high]) = (sums, *carried);
                sums = [L::add(low, more_low), L::add(high, more_high)];
            }
            *carried = sums;
        }
        sums
    }
}

/// Eight sums of each of four rows.
type Tile<L, const N: usize, const U: usize> = [[<L as Lanes<N, U>>::Sums; 2]; TILE];

/// Adds the products of four rows with the rows of weights.
#[inline(always)]
fn tile<L: Lanes<N, U>, const N: usize, const U: usize>(
    mut sums: Tile<L, N, U>,
    weights: &[[L::Weights; 2]],
    [a, b, c, d]: [&[[L::Element; U]]; TILE],
) -> Tile<L, N, U> {
    for (&w, ((a, b), (c, d))) in weights.iter().zip(a.iter().zip(b).zip(c.iter().zip(d))) {
        sums = step::<L, N, U>(sums, [a, b, c, d], w);
    }
    sums
}

/// Adds the products of a unit of each row with the weights. Written out: sums must stay in registers.
#[inline(always)]
fn step<L: Lanes<N, U>, const N: usize, const U: usize>(
    [a, b, c, d]: Tile<L, N, U>,
    [x_a, x_b, x_c, x_d]: [&[L::Element; U]; TILE],
    [w0, w1]: [L::Weights; 2],
) -> Tile<L, N, U> {
    [
        [L::dot(a[0], x_a, w0), L::dot(a[1], x_a, w1)],
        [L::dot(b[0], x_b, w0), L::dot(b[1], x_b, w1)],
        [L::dot(c[0], x_c, w0), L::dot(c[1], x_c, w1)],
        [L::dot(d[0], x_d, w0), L::dot(d[1], x_d, w1)],
    ]
}

/// Interleaves elements of four rows as units of one half of the channels; returns `sums` plus them.
#[inline(always)]
fn put<L: Lanes<N, U>, const N: usize, const U: usize>(
    to: &mut [[L::Weights; 2]],
    half: usize,
    rows: [&[i8; N]; 4],
    sums: L::Sums,
) -> L::Sums {
    let (units, sums) = L::weights(rows, sums);
    for (to, unit) in to.iter_mut().zip(units) {
        if let Some(to) = to.get_mut(half) {
            *to = unit;
        }
    }
    sums
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
