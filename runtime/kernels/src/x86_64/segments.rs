//! A receptive field as stretches that lie in a row of the input.

use crate::Conv;

/// The most stretches of a receptive field.
pub(super) const SEGMENTS: usize = 64;

/// How the receptive fields of a convolution fall into stretches.
pub(super) struct Field {
    /// Channels in and out of a group.
    pub(super) ins: usize,
    pub(super) outs: usize,
    /// Rows of the window, and taps of a row that stand apart.
    pub(super) rows: usize,
    pub(super) taps: usize,
    /// Elements of a stretch.
    pub(super) run: usize,
}

impl Field {
    /// Nothing if there is nothing to compute, or too many stretches.
    pub(super) fn new(g: &Conv) -> Option<Field> {
        let [_, down, across] = &g.axes;
        let ins = g.in_channels.checked_div(g.groups).filter(|&n| n > 0)?;
        let outs = g.out_channels.checked_div(g.groups).filter(|&n| n > 0)?;
        let whole = g.groups == 1 && (across.dilation == 1 || across.kernel == 1);
        let (taps, run) = if whole { (1, across.kernel.checked_mul(ins)?) } else { (across.kernel, ins) };
        let few = (1..=SEGMENTS).contains(&down.kernel.checked_mul(taps)?);
        let moves = down.stride > 0 && across.stride > 0 && run > 0;
        (few && moves).then_some(Field { ins, outs, rows: down.kernel, taps, run })
    }

    pub(super) fn segments(&self) -> usize {
        self.rows.wrapping_mul(self.taps)
    }

    /// Elements in all.
    pub(super) fn depth(&self) -> usize {
        self.segments().wrapping_mul(self.run)
    }
}

/// Where the stretches of a receptive field begin, all of the same length.
pub(super) struct Segments {
    offsets: [usize; SEGMENTS],
    count: usize,
    last: usize,
}

impl Segments {
    /// From `offsets`, at most [`SEGMENTS`].
    pub(super) fn new(offsets: impl Iterator<Item = usize>) -> Segments {
        let mut segments = Segments { offsets: [0; SEGMENTS], count: 0, last: 0 };
        for (slot, offset) in segments.offsets.iter_mut().zip(offsets) {
            *slot = offset;
            segments.last = segments.last.max(offset);
            segments.count = segments.count.wrapping_add(1);
        }
        segments
    }

    #[inline(always)]
    pub(super) fn offsets(&self) -> &[usize] {
        self.offsets.get(..self.count).unwrap_or(&[])
    }

    /// The end of what windows up to `window` read with `len` elements of each segment.
    #[inline(always)]
    pub(super) fn reach(&self, windows: &[usize], len: usize) -> usize {
        let last = windows.iter().fold(0usize, |last, &w| last.max(w));
        self.last.saturating_add(last).saturating_add(len)
    }
}

/// How many of `left` pixels to take next, at most `most`, so that the last ones are not few.
#[inline(always)]
pub(super) fn share(left: usize, most: usize) -> usize {
    if left <= most {
        return left;
    }
    let tiles = left.div_ceil(most.max(1)).max(1);
    left.div_ceil(tiles)
}
