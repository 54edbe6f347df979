//! Receptive fields as rows of operands.
//!
//! A field is a sequence of runs, stretches that are contiguous in the input: a row of the window, or one tap if taps or
//! groups stand apart. A run is copied at once, and what of it lies in the padding is made of `x_zero`.

use super::Lanes;
use crate::Conv;
use crate::generic::field_i8::{Field, Pixel};
use crate::int8::ConvI8;

/// Copies the elements of one pixel's field from `from` on.
pub(super) fn gather<L: Lanes<N, U>, const N: usize, const U: usize>(
    field: &Field,
    mut row: &mut [L::Element],
    from: usize,
    conv: &ConvI8<'_>,
    at: Pixel,
    group: usize,
) {
    let Conv { in_channels, axes: [_, rows, cols], .. } = &conv.geometry;
    if field.runs == 1 && row.len() == field.depth && at.is_whole(&conv.geometry) {
        let line = cols.input.wrapping_mul(*in_channels).wrapping_mul(rows.dilation);
        let mut first = at.index(&conv.geometry).wrapping_mul(*in_channels).wrapping_add(group.wrapping_mul(field.ins));
        while !row.is_empty() {
            let x = conv.x.get(first..).unwrap_or(&[]);
            match (row.first_chunk_mut::<N>(), x.first_chunk::<N>()) {
                // More than the run: what comes after it is written over by the next one.
                (Some(row), Some(x)) if field.run <= N => *row = L::elements(x),
                _ => copy::<L, N, U>(row.get_mut(..field.run).unwrap_or(&mut []), x),
            }
            row = row.get_mut(field.run..).unwrap_or(&mut []);
            first = first.wrapping_add(line);
        }
        return;
    }
    field.runs(from, row.len(), conv, at, group, |len, line, first| {
        let (head, tail) = core::mem::take(&mut row).split_at_mut_checked(len).unwrap_or_default();
        copy_run::<L, N, U>(head, line, first, conv.x_zero);
        row = tail;
    });
}

/// `to[i] = line[first + i]`, and `zero` beyond either end of the line.
pub(super) fn copy_run<L: Lanes<N, U>, const N: usize, const U: usize>(
    to: &mut [L::Element],
    line: &[i8],
    first: isize,
    zero: i8,
) {
    let before = usize::try_from(first.wrapping_neg()).unwrap_or(0).min(to.len());
    let (pad, to) = to.split_at_mut_checked(before).unwrap_or_default();
    let line = line.get(usize::try_from(first).unwrap_or(0)..).unwrap_or(&[]);
    let on_input = to.len().min(line.len());
    let (to, rest) = to.split_at_mut_checked(on_input).unwrap_or_default();
    pad.fill(L::element(zero));
    rest.fill(L::element(zero));
    copy::<L, N, U>(to, line);
}

/// `to[i] = from[i]`, as operands.
pub(super) fn copy<L: Lanes<N, U>, const N: usize, const U: usize>(to: &mut [L::Element], from: &[i8]) {
    let from = from.get(..to.len()).unwrap_or(from);
    for (to, from) in to.as_chunks_mut::<N>().0.iter_mut().zip(from.as_chunks::<N>().0) {
        *to = L::elements(from);
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        // Once more over a part of the last whole one: shorter than a loop over the rest.
        *to = L::elements(from);
    } else {
        to.iter_mut().zip(from).for_each(|(to, &x)| *to = L::element(x));
    }
}
