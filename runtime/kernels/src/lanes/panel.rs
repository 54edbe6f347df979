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

/// A unit of the weights of eight channels.
pub(super) type Unit<L, const N: usize, const U: usize> = [<L as Lanes<N, U>>::Weights; 2];

/// Units that are packed at once: [`pack`] may write as many beyond the last.
pub(super) const BATCH: usize = 4;

/// Both operands, and what rows have come to before.
pub(super) struct Panels<L: Lanes<N, U>, const N: usize, const U: usize> {
    rows: Rows<L, N, U>,
    weights: [Unit<L, N, U>; UNITS + BATCH],
}

/// One operand, and what its rows have come to before.
pub(super) struct Rows<L: Lanes<N, U>, const N: usize, const U: usize> {
    patches: [[L::Element; U]; CAPACITY],
    sums: [i32; ROWS],
    /// Of rows of several stretches.
    stretches: [[L::Sums; 2]; ROWS],
}

/// Where rows lie, in elements: each is one run, or some that lie apart.
pub(super) struct Walk {
    /// How many rows.
    pub(super) count: usize,
    /// Where the first begins.
    pub(super) start: usize,
    /// From one row to the next.
    pub(super) step: usize,
    /// Runs of a row, and the units of each. Elements beyond the run itself meet weights of 0.
    pub(super) runs: usize,
    pub(super) run: usize,
    /// From one run to the next.
    pub(super) line: usize,
}

impl Walk {
    /// Rows of `units` units of `unit` elements, one after the other.
    pub(super) fn rows(count: usize, units: usize, unit: usize) -> Walk {
        Walk { count, start: 0, step: units.wrapping_mul(unit), runs: 1, run: units, line: 0 }
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

impl Finish<'_> {
    /// What sums begin with.
    fn base<L: Lanes<N, U>, const N: usize, const U: usize>(&self) -> [L::Sums; 2] {
        let [a, b, c, d, e, f, g, h] = self.base;
        [L::sums([a, b, c, d]), L::sums([e, f, g, h])]
    }
}

impl<L: Lanes<N, U>, const N: usize, const U: usize> Panels<L, N, U> {
    /// Elements of all rows at most.
    pub(super) const ROOM: usize = CAPACITY * U;

    /// Units of a row at most.
    pub(super) const UNITS: usize = UNITS;

    /// Elements of a row at most.
    pub(super) const DEPTH: usize = UNITS * U;

    pub(super) fn new() -> Panels<L, N, U> {
        let stretches = [[L::sums([0; 4]); 2]; ROWS];
        let rows = Rows { patches: [[L::ZERO; U]; CAPACITY], sums: [0; ROWS], stretches };
        Panels { rows, weights: [[L::NO_WEIGHTS; 2]; UNITS + BATCH] }
    }

    /// How many rows of `len` elements there is room for: some tiles.
    pub(super) fn rows(len: usize) -> usize {
        (CAPACITY / len.div_ceil(U).clamp(1, UNITS)).min(ROWS) / TILE * TILE
    }

    /// Room for rows, each `len` rounded up to whole units.
    pub(super) fn patches(&mut self) -> &mut [L::Element] {
        self.rows.patches.as_flattened_mut()
    }

    /// What is added to all sums of the rows of patches, if [`Finish::before`].
    pub(super) fn sums(&mut self) -> &mut [i32] {
        &mut self.rows.sums
    }

    /// The rows, and room for weights that [`pack`] packs.
    pub(super) fn operands(&mut self) -> (&mut Rows<L, N, U>, &mut [Unit<L, N, U>]) {
        (&mut self.rows, &mut self.weights)
    }
}

impl<L: Lanes<N, U>, const N: usize, const U: usize> Rows<L, N, U> {
    /// The products of rows with rows of weights, into `y`. The rows are patches, or given.
    pub(super) fn multiply(
        &mut self,
        rows: Option<&[L::Element]>,
        weights: &[Unit<L, N, U>],
        walk: &Walk,
        finish: &Finish<'_>,
        y: &mut [i8],
    ) {
        if finish.before || finish.carry || finish.more || finish.outs < COLS {
            return self.multiply_some(rows, weights, walk, finish, y);
        }
        let base = finish.base::<L, N, U>();
        let scale = load_8::<L::Reals>(finish.scale);
        let elements = rows.unwrap_or(self.patches.as_flattened());
        // No call in this loop: an engine keeps sums in memory if there is one, however rare.
        for first in (0..walk.count).step_by(TILE) {
            // The last one stands in for those that are not there.
            let last = walk.count.wrapping_sub(first).wrapping_sub(1);
            let row = [0, 1, 2, 3].map(|i: usize| first.wrapping_add(i.min(last)));
            let [a, b, c, d] = products::<L, N, U>(elements, weights, walk, row, base);
            let mut put = |row: usize, sums: [L::Sums; 2]| {
                let at = row.wrapping_mul(finish.stride).wrapping_add(finish.from);
                if let Some(y) = y.get_mut(at..).and_then(|y| y.first_chunk_mut()) {
                    *y = L::requantize(sums, scale, finish.output);
                }
            };
            // Written out: a loop over an array of registers is one over memory.
            put(row[0], a);
            put(row[1], b);
            put(row[2], c);
            put(row[3], d);
        }
    }

    /// As [`Rows::multiply`], for fewer channels, and for rows of which something came before or is to come.
    #[inline(never)]
    fn multiply_some(
        &mut self,
        rows: Option<&[L::Element]>,
        weights: &[Unit<L, N, U>],
        walk: &Walk,
        finish: &Finish<'_>,
        y: &mut [i8],
    ) {
        let base = finish.base::<L, N, U>();
        let scale = load_8::<L::Reals>(finish.scale);
        for first in (0..walk.count).step_by(TILE) {
            let elements = rows.unwrap_or(self.patches.as_flattened());
            let last = walk.count.wrapping_sub(first).wrapping_sub(1);
            let row = [0, 1, 2, 3].map(|i: usize| first.wrapping_add(i.min(last)));
            let sums = products::<L, N, U>(elements, weights, walk, row, base);
            for (row, sums) in (first..walk.count).zip(sums) {
                let sums = self.carry(row, sums, finish);
                if !finish.more {
                    let values = L::requantize(sums, scale, finish.output);
                    let at = row.wrapping_mul(finish.stride).wrapping_add(finish.from);
                    y.iter_mut().skip(at).zip(values).take(finish.outs).for_each(|(y, v)| *y = v);
                }
            }
        }
    }

    /// Adds what a row has come to before, and keeps it for a stretch after this one.
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

/// The sums of four rows.
#[inline(always)]
fn products<L: Lanes<N, U>, const N: usize, const U: usize>(
    elements: &[L::Element],
    weights: &[Unit<L, N, U>],
    walk: &Walk,
    rows: [usize; TILE],
    base: [L::Sums; 2],
) -> Tile<L, N, U> {
    let mut sums = [base; TILE];
    let mut starts = rows.map(|row| walk.start.wrapping_add(row.wrapping_mul(walk.step)));
    for weights in weights.chunks_exact(walk.run.max(1)).take(walk.runs) {
        let run = |at: usize| elements.get(at..at.wrapping_add(walk.run.wrapping_mul(U))).unwrap_or(&[]).as_chunks().0;
        sums = tile::<L, N, U>(sums, weights, starts.map(run));
        starts = starts.map(|at| at.wrapping_add(walk.line));
    }
    sums
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

/// Takes `len` elements of up to eight rows that begin `stride` apart, in `runs` runs that fill whole units each. Returns the sum of
/// each row.
#[inline(never)]
pub(super) fn pack<L: Lanes<N, U>, const N: usize, const U: usize>(
    to: &mut [Unit<L, N, U>],
    rows: &[i8],
    stride: usize,
    len: usize,
    runs: usize,
) -> [i32; COLS] {
    let mut sums = [L::sums([0; 4]); 2];
    let run = len.checked_div(runs).unwrap_or(0);
    let mut to = to;
    for i in 0..runs {
        let row = |o: usize| {
            let start = o.wrapping_mul(stride).wrapping_add(i.wrapping_mul(run));
            rows.get(start..start.wrapping_add(run)).unwrap_or(&[])
        };
        for (half, sums) in sums.iter_mut().enumerate() {
            *sums = pack_run::<L, N, U>(to, half, [0, 1, 2, 3].map(|o| row(half * 4 + o)), run, *sums);
        }
        to = to.get_mut(run.div_ceil(U)..).unwrap_or(&mut []);
    }
    let [[a, b, c, d], [e, f, g, h]] = sums.map(L::values);
    [a, b, c, d, e, f, g, h]
}

/// A run of four rows as units of one half of the channels; returns `sums` plus them.
#[inline(always)]
fn pack_run<L: Lanes<N, U>, const N: usize, const U: usize>(
    to: &mut [Unit<L, N, U>],
    half: usize,
    rows: [&[i8]; 4],
    len: usize,
    mut sums: L::Sums,
) -> L::Sums {
    let [a, b, c, d] = rows.map(|row| row.as_chunks::<N>().0);
    let whole = a.len().min(b.len()).min(c.len()).min(d.len());
    for (to, ((a, b), (c, d))) in to.chunks_exact_mut(BATCH).zip(a.iter().zip(b).zip(c.iter().zip(d))) {
        sums = put::<L, N, U>(to, half, [a, b, c, d], sums);
    }
    // Where rows end, or are not there.
    for (i, to) in (whole..len.div_ceil(N)).zip(to.chunks_exact_mut(BATCH).skip(whole)) {
        let at = i.wrapping_mul(N);
        let last = &mut [[0; N]; 4];
        for (last, row) in last.iter_mut().zip(rows) {
            last.iter_mut().zip(row.get(at..).unwrap_or(&[])).for_each(|(l, &w)| *l = w);
        }
        let [a, b, c, d] = &*last;
        sums = put::<L, N, U>(to, half, [a, b, c, d], sums);
    }
    sums
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

/// Eight values from `at` on; 0 where there are none.
pub(super) fn eight<T: Copy + Default>(values: &[T], at: usize) -> [T; COLS] {
    let mut eight = [T::default(); COLS];
    eight.iter_mut().zip(values.get(at..).unwrap_or(&[])).for_each(|(e, v)| *e = *v);
    eight
}
