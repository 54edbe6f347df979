//! A receptive field as stretches that lie in a row of the input.

/// The most stretches of a receptive field.
pub(super) const SEGMENTS: usize = 64;

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
    let tiles = left.div_ceil(most.max(1)).max(1);
    left.div_ceil(tiles)
}
