//! The part of a sliding window that lies on the input: what lets inner loops go without tests for padding.
//!
//! ```text
//! tap k of output o lies at input o·stride + k·dilation - pad
//! ```

use crate::{Axis, Conv};

/// Channels that are summed at a time.
pub(crate) const BLOCK: usize = 32;

/// The taps of one output along one axis that lie on the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taps {
    /// The first of them.
    first: usize,
    /// Their number.
    count: usize,
    /// The input position under the first.
    input: usize,
}

impl Taps {
    /// The taps of output `o`.
    fn of(axis: &Axis, o: usize) -> Taps {
        let start = o.wrapping_mul(axis.stride);
        let step = axis.dilation.max(1);
        let before = axis.pad.saturating_sub(start);
        let first = if before == 0 { 0 } else { before.div_ceil(step) };
        let input = start.wrapping_add(first.wrapping_mul(step)).wrapping_sub(axis.pad);
        let room = axis.input.saturating_sub(input);
        let whole = axis.kernel.saturating_sub(1).saturating_mul(step) < room;
        let fit = if whole { axis.kernel } else { room.div_ceil(step) };
        Taps { first, count: axis.kernel.saturating_sub(first).min(fit), input }
    }
}

/// Calls `f` for each output pixel, in order, with its window, its image and its channels.
#[inline]
pub(crate) fn each_pixel(g: &Conv, x: &[i8], y: &mut [i8], mut f: impl FnMut(&Window, &[i8], &mut [i8])) {
    let [_, rows, cols] = &g.axes;
    let image = rows.input.saturating_mul(cols.input).saturating_mul(g.in_channels);
    let line = cols.output.saturating_mul(g.out_channels);
    let plane = rows.output.saturating_mul(line);
    for (x, y) in pieces(x, image, y, plane) {
        for (oy, y) in y.chunks_mut(line.max(1)).enumerate() {
            let down = Taps::of(rows, oy);
            for (ox, y) in y.chunks_mut(g.out_channels.max(1)).enumerate() {
                f(&Window { geometry: g, down, across: Taps::of(cols, ox) }, x, y);
            }
        }
    }
}

/// The taps of one output pixel that lie on the input.
pub(crate) struct Window<'a> {
    geometry: &'a Conv,
    down: Taps,
    across: Taps,
}

impl<'a> Window<'a> {
    /// One that lies on the input as a whole, wherever that is.
    pub(crate) fn whole(geometry: &'a Conv) -> Window<'a> {
        let [_, rows, cols] = &geometry.axes;
        let all = |axis: &Axis| Taps { first: 0, count: axis.kernel, input: 0 };
        Window { geometry, down: all(rows), across: all(cols) }
    }

    /// Whether every tap lies on the input.
    pub(crate) fn is_whole(&self) -> bool {
        let [_, rows, cols] = &self.geometry.axes;
        self.down.count == rows.kernel && self.across.count == cols.kernel
    }

    /// Their number.
    pub(crate) fn count(&self) -> usize {
        self.down.count.saturating_mul(self.across.count)
    }

    /// Their number down and across.
    #[cfg(siskin_mve)]
    pub(crate) fn taps(&self) -> [usize; 2] {
        [self.down.count, self.across.count]
    }

    /// Where the first of them begins in `x` and in `w`, as for [`Window::each_tap`].
    #[cfg(siskin_mve)]
    pub(crate) fn first(&self) -> (usize, usize) {
        let [_, _, cols] = &self.geometry.axes;
        let channels = self.geometry.in_channels;
        let x = self.down.input.wrapping_mul(cols.input).wrapping_add(self.across.input);
        let w = self.down.first.wrapping_mul(cols.kernel).wrapping_add(self.across.first);
        (x.wrapping_mul(channels), w.wrapping_mul(channels))
    }

    /// Calls `f` for each of them, with the element of `x`, `[height, width, channels]`, and of `w`,
    /// `[kernel height, kernel width, channels]`, at which its channels begin.
    #[inline]
    pub(crate) fn each_tap(&self, mut f: impl FnMut(usize, usize)) {
        let [_, rows, cols] = &self.geometry.axes;
        let channels = self.geometry.in_channels;
        let across = cols.dilation.wrapping_mul(channels);
        for k in 0..self.down.count {
            let row = self.down.input.wrapping_add(k.wrapping_mul(rows.dilation));
            let tap = self.down.first.wrapping_add(k).wrapping_mul(cols.kernel).wrapping_add(self.across.first);
            let mut x = row.wrapping_mul(cols.input).wrapping_add(self.across.input).wrapping_mul(channels);
            let mut w = tap.wrapping_mul(channels);
            for _ in 0..self.across.count {
                f(x, w);
                (x, w) = (x.wrapping_add(across), w.wrapping_add(channels));
            }
        }
    }
}

/// Pieces of `x`, `n` long, with pieces of `y`, `m` long, in order. A zip of chunks would divide by their lengths, and the
/// optimizer does not always see that those are not 0.
#[inline]
pub(crate) fn pieces<'a>(
    mut x: &'a [i8],
    n: usize,
    mut y: &'a mut [i8],
    m: usize,
) -> impl Iterator<Item = (&'a [i8], &'a mut [i8])> {
    core::iter::from_fn(move || {
        let (first_x, rest_x) = x.split_at_checked(n.min(x.len()))?;
        let len = m.min(y.len());
        let (first_y, rest_y) = core::mem::take(&mut y).split_at_mut_checked(len)?;
        (x, y) = (rest_x, rest_y);
        (!first_x.is_empty() && !first_y.is_empty()).then_some((first_x, first_y))
    })
}

/// Pieces of `y`, `n` long, in order; the last one may be shorter.
#[inline]
pub(crate) fn lines(mut y: &mut [i8], n: usize) -> impl Iterator<Item = &mut [i8]> {
    core::iter::from_fn(move || {
        let len = n.min(y.len());
        let (first, rest) = core::mem::take(&mut y).split_at_mut_checked(len)?;
        y = rest;
        (!first.is_empty()).then_some(first)
    })
}

/// The `len` elements from `at` on; nothing if there are not as many.
#[inline]
pub(crate) fn part<T>(slice: &[T], at: usize, len: usize) -> &[T] {
    slice.get(at..at.wrapping_add(len)).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_those_on_the_input() {
        let axis = Axis { input: 5, output: 5, kernel: 3, stride: 2, dilation: 2, pad: 3 };
        let seen = [0, 1, 2, 3].map(|o| Taps::of(&axis, o));
        let taps = |first, count, input| Taps { first, count, input };
        assert_eq!(seen, [taps(2, 1, 1), taps(1, 2, 1), taps(0, 2, 1), taps(0, 1, 3)]);
        for o in 0..9 {
            let on: [bool; 3] = core::array::from_fn(|k| axis.at(o, k).is_some());
            let taps = Taps::of(&axis, o);
            assert_eq!(on, core::array::from_fn(|k| (taps.first..taps.first + taps.count).contains(&k)), "{o}");
        }
    }
}
