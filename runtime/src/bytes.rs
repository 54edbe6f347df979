//! Elements as bytes: to move them one need not know what they are, only how wide.
//!
//! The width is a number at run time, so that a movement is compiled once for all element types. Nothing here leaves
//! a slice: what lies beyond its end is not moved.

use crate::Io;

/// The bytes of one element of output 0.
pub(crate) fn width(io: &Io<'_>) -> usize {
    io.out_ty(0).map_or(1, |t| t.dtype.size() as usize)
}

/// `y = x`, as far as both go.
pub(crate) fn copy(y: &mut [u8], x: &[u8]) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = x);
}

/// What begins at block `at` of `len` bytes.
pub(crate) fn from(x: &[u8], at: usize, len: usize) -> &[u8] {
    at.checked_mul(len).and_then(|start| x.get(start..)).unwrap_or(&[])
}

/// Block `at` of `len` bytes, to read; empty if there is none.
pub(crate) fn piece(x: &[u8], at: usize, len: usize) -> &[u8] {
    from(x, at, len).get(..len).unwrap_or(&[])
}

/// Block `at` of `len` bytes, to write; empty if there is none.
pub(crate) fn block(y: &mut [u8], at: usize, len: usize) -> &mut [u8] {
    let end = at.checked_add(1).and_then(|next| next.checked_mul(len)).unwrap_or(0);
    y.get_mut(end.wrapping_sub(len)..end).unwrap_or(&mut [])
}

/// Repeats `element` all over `y`.
pub(crate) fn fill(y: &mut [u8], element: &[u8]) {
    copy(y, element);
    let mut done = element.len();
    // What is done doubles with each turn.
    while let Some((from, to)) = y.split_at_mut_checked(done).filter(|(from, to)| !from.is_empty() && !to.is_empty()) {
        copy(to, from);
        done = done.saturating_mul(2);
    }
}

/// Fills `y` with the elements of `width` bytes at `at`, `at + step`, … of `x`.
pub(crate) fn spaced(y: &mut [u8], x: &[u8], width: usize, at: isize, step: isize) {
    match width {
        1 => each::<1>(y, x, at, step),
        2 => each::<2>(y, x, at, step),
        4 => each::<4>(y, x, at, step),
        _ => each::<8>(y, x, at, step),
    }
}

/// Writes the elements of `width` bytes of `x` at `0`, `step`, … of `y`.
pub(crate) fn spread(y: &mut [u8], x: &[u8], width: usize, step: usize) {
    match width {
        1 => spread_each::<1>(y, x, step),
        2 => spread_each::<2>(y, x, step),
        4 => spread_each::<4>(y, x, step),
        _ => spread_each::<8>(y, x, step),
    }
}

fn spread_each<const N: usize>(y: &mut [u8], x: &[u8], step: usize) {
    for (y, x) in y.chunks_mut(step.wrapping_mul(N).max(1)).zip(x.as_chunks::<N>().0) {
        if let Some(y) = y.first_chunk_mut() {
            *y = *x;
        }
    }
}

fn each<const N: usize>(y: &mut [u8], x: &[u8], at: isize, step: isize) {
    let (mut at, step) = (at.wrapping_mul(N as isize), step.wrapping_mul(N as isize));
    for y in y.as_chunks_mut::<N>().0 {
        if let Some(x) = x.get(at as usize..).and_then(|x| x.first_chunk()) {
            *y = *x;
        }
        at = at.wrapping_add(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_and_spaces_elements_of_any_width() {
        let mut y = [0; 11];
        fill(&mut y, &[1, 2, 3]);
        assert_eq!(y, [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2]);
        fill(&mut y, &[]);
        spaced(&mut y[..4], &[1, 2, 3, 4, 5, 6], 2, 2, -2);
        assert_eq!(y[..4], [5, 6, 1, 2]);
        spaced(&mut y[..4], &[7, 8], 2, 0, 1);
        assert_eq!(y[..4], [7, 8, 1, 2]);
        block(&mut y, 3, 3).fill(0);
        block(&mut y, usize::MAX, 2).fill(9);
        assert_eq!(y[4..], [2, 3, 1, 2, 3, 1, 2]);
        block(&mut y, 2, 3).fill(0);
        assert_eq!(y[4..], [2, 3, 0, 0, 0, 1, 2]);
        assert_eq!(from(&y, usize::MAX, 2), []);
        assert_eq!((piece(&y, 1, 4), piece(&y, 2, 4)), (&[2, 3, 0, 0][..], &[][..]));
    }
}
