//! Eight filters side by side: what all float convolutions compute with.
//!
//! ```text
//! packed[t][l] = w[first + l][t]        sums[l] += x[t] · packed[t][l]
//! ```
//!
//! The filters of a model lie one after the other. Side by side, a lane each, they fill vector registers without
//! sums across lanes, and every output adds its products in the order of its filter.

use crate::conv::{LANES, Weights, clamp};

/// A sum for each filter.
pub(crate) type Sums = [f32; LANES];

/// Filters side by side.
pub(crate) struct Filters<'a> {
    weights: &'a [Sums],
    /// The first one's number.
    pub(crate) first: usize,
    /// How many there are; the remaining lanes are 0.
    pub(crate) count: usize,
}

impl<'a> Filters<'a> {
    /// Packs filters `first..first + count` of `len` weights each into `scratch`.
    pub(crate) fn pack(w: Weights<'_>, first: usize, count: usize, len: usize, scratch: &'a mut [f32]) -> Filters<'a> {
        let packed = scratch.as_chunks_mut().0;
        let packed = packed.get_mut(..len).unwrap_or(&mut []);
        match w {
            Weights::F32(w) => interleave(packed, count, |l| row(w, first.wrapping_add(l), len), |&w| w),
            Weights::F16(w) => interleave(packed, count, |l| row(w, first.wrapping_add(l), len), |w| w.to_f32()),
        }
        Filters { weights: packed, first, count }
    }

    /// The weights of taps `at..at + len`.
    #[inline(always)]
    pub(crate) fn taps(&self, at: usize, len: usize) -> &'a [Sums] {
        self.weights.get(at..at.wrapping_add(len)).unwrap_or(&[])
    }

    /// Writes one output: sums plus bias, clamped.
    #[inline(always)]
    pub(crate) fn store(&self, y: &mut [f32], sums: &Sums, bias: &Sums, bounds: (f32, f32)) {
        let y = y.get_mut(self.first..).unwrap_or(&mut []);
        let value = |(sum, bias): (&f32, &f32)| clamp(sum + bias, bounds);
        match y.first_chunk_mut::<LANES>().filter(|_| self.count == LANES) {
            Some(y) => y.iter_mut().zip(sums.iter().zip(bias)).for_each(|(y, v)| *y = value(v)),
            None => y.iter_mut().zip(sums.iter().zip(bias)).take(self.count).for_each(|(y, v)| *y = value(v)),
        }
    }

    /// The bias of each filter; 0 where there is none.
    pub(crate) fn bias(&self, bias: &[f32]) -> Sums {
        let mut lanes = [0.0; LANES];
        let own = bias.get(self.first..).unwrap_or(&[]);
        lanes.iter_mut().zip(own).take(self.count).for_each(|(l, &b)| *l = b);
        lanes
    }
}

fn row<T>(w: &[T], filter: usize, len: usize) -> &[T] {
    let at = filter.wrapping_mul(len);
    w.get(at..at.wrapping_add(len)).unwrap_or(&[])
}

fn interleave<'w, T: 'w>(packed: &mut [Sums], count: usize, row: impl Fn(usize) -> &'w [T], widen: impl Fn(&T) -> f32) {
    if count < LANES {
        packed.fill([0.0; LANES]);
    }
    for l in 0..count {
        for (lanes, w) in packed.iter_mut().zip(row(l)) {
            if let Some(lane) = lanes.get_mut(l) {
                *lane = widen(w);
            }
        }
    }
}
