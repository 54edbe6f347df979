//! A session's memory: the caller's aligned bytes, and how an operator sees them: one buffer split into the slices
//! that it writes and the gaps between them that it may read.

use core::ops::Range;

/// The most slices written at once: outputs and scratch.
pub(crate) const WRITES: usize = crate::io::MAX_OUTPUTS + 1;

/// Bytes for an arena or a state, aligned as [`crate::Session::new`] demands.
///
/// With [`crate::Embedded::arena_len`] a `static` is exact without a number being typed:
/// `Memory<{ MODEL.arena_len() }>`. How a program gets at a `static` is its own choice: a `static mut` of the entry
/// function, `static_cell`, a task's local resource.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct Memory<const LEN: usize>([u8; LEN]);

// The attribute takes no constant, so this says that it is the right one.
const _: () = assert!(align_of::<Memory<0>>() == siskin_format::ALIGN);

impl<const LEN: usize> Memory<LEN> {
    /// Zeros, so that a `static` costs no flash.
    #[must_use]
    pub const fn new() -> Memory<LEN> {
        Memory([0; LEN])
    }

    /// The bytes, for [`crate::Session::new`].
    pub const fn bytes(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl<const LEN: usize> Default for Memory<LEN> {
    fn default() -> Memory<LEN> {
        Memory::new()
    }
}

/// A buffer cut into disjoint pieces.
pub(crate) struct Pieces<'a> {
    writes: [&'a mut [u8]; WRITES],
    gaps: [(usize, &'a [u8]); WRITES + 1],
}

impl<'a> Pieces<'a> {
    /// Cuts `writes` out of `buffer`. A range that is empty, overlaps another one, or lies outside, gives an empty slice.
    pub(crate) fn cut(buffer: &'a mut [u8], writes: &[Range<usize>; WRITES]) -> Pieces<'a> {
        let mut pieces = Pieces { writes: core::array::from_fn(|_| &mut [][..]), gaps: [(0, &[]); WRITES + 1] };
        let mut rest = buffer;
        let mut base = 0;
        for gap in &mut pieces.gaps {
            let Some((slot, range)) = next_after(writes, base) else {
                let last = core::mem::take(&mut rest);
                *gap = (base, last);
                break;
            };
            let tail = core::mem::take(&mut rest);
            let Some((before, tail)) = tail.split_at_mut_checked(range.start.saturating_sub(base)) else { break };
            let Some((write, tail)) = tail.split_at_mut_checked(range.end.saturating_sub(range.start)) else { break };
            *gap = (base, before);
            if let Some(w) = pieces.writes.get_mut(slot) {
                *w = write;
            }
            (rest, base) = (tail, range.end);
        }
        pieces
    }

    /// Takes the slice of write `slot`.
    pub(crate) fn take(&mut self, slot: usize) -> &'a mut [u8] {
        self.writes.get_mut(slot).map_or(&mut [], core::mem::take)
    }

    /// The bytes of `range`, which must lie between the writes.
    pub(crate) fn read(&self, range: Range<usize>) -> Option<&'a [u8]> {
        self.gaps.iter().find_map(|&(base, gap)| gap.get(range.start.checked_sub(base)?..range.end.checked_sub(base)?))
    }
}

/// The first non-empty write at or after `base`, and its slot.
fn next_after(writes: &[Range<usize>; WRITES], base: usize) -> Option<(usize, &Range<usize>)> {
    let later = writes.iter().enumerate().filter(|(_, r)| r.start >= base && r.start < r.end);
    later.min_by_key(|(_, r)| r.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_in_any_order_and_reads_the_gaps() {
        let mut buffer = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        let mut pieces = Pieces::cut(&mut buffer, &[6..8, 1..3, 0..0, 0..0, 0..0]);
        assert_eq!(pieces.take(0), &[6, 7]);
        assert_eq!(pieces.take(1), &[1, 2]);
        assert_eq!(pieces.read(3..6), Some(&[3u8, 4, 5][..]));
        assert_eq!(pieces.read(8..10), Some(&[8u8, 9][..]));
        assert_eq!(pieces.read(2..4), None);
    }

    #[test]
    fn overlapping_writes_are_never_both_given() {
        let mut buffer = [0; 8];
        let mut pieces = Pieces::cut(&mut buffer, &[0..4, 2..6, 6..20, 0..0, 0..0]);
        assert_eq!(pieces.take(0).len(), 4);
        assert_eq!(pieces.take(1).len(), 0);
        assert_eq!(pieces.take(2).len(), 0);
    }
}
