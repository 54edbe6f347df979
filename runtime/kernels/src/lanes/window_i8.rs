//! Dense convolution of windows without a copy of each: padded lines of the input become operands once, and the field of a
//! pixel is a run in each of as many lines as the window is high.
//!
//! ```text
//! for rows of pixels, as many as there is room for:   the lines under them become operands
//!     for eight output channels:                      their weights become rows
//!         for each row, for four of its pixels:       tile, bias and scale, store
//! ```

use super::Lanes;
use super::field::copy_run;
use super::packed::Packed;
use super::panel::{COLS, Finish, Panels, Walk, eight};
use crate::generic::field_i8::Field;
use crate::int8::ConvI8;

/// Elements of a run at least: shorter ones cost more than their copies.
const RUN: usize = 8;

/// How a convolution's lines lie.
pub(super) struct Window<'a> {
    conv: &'a ConvI8<'a>,
    /// Elements of a padded line.
    len: usize,
    /// Rows of pixels at once.
    rows: usize,
}

impl<'a> Window<'a> {
    /// Nothing where fields are better copied.
    pub(super) fn new<L: Lanes<N, U>, const N: usize, const U: usize>(conv: &'a ConvI8<'a>) -> Option<Window<'a>> {
        let g = &conv.geometry;
        let [_, rows, cols] = &g.axes;
        let run = cols.kernel.wrapping_mul(g.in_channels);
        let units = run.div_ceil(U).saturating_mul(rows.kernel);
        let whole = g.groups == 1 && cols.dilation == 1 && rows.kernel > 1 && units <= Panels::<L, N, U>::UNITS;
        if !whole || run < RUN {
            return None;
        }
        let across = cols.output.checked_sub(1)?.saturating_mul(cols.stride).saturating_add(cols.kernel);
        let len = across.saturating_mul(g.in_channels);
        let window = rows.kernel.wrapping_sub(1).saturating_mul(rows.dilation).saturating_add(1);
        // The last run may reach into one more unit.
        let more = Panels::<L, N, U>::ROOM.wrapping_sub(U).checked_div(len)?.checked_sub(window)?;
        let rows = more.checked_div(rows.stride)?.saturating_add(1).min(rows.output);
        Some(Window { conv, len, rows })
    }

    pub(super) fn convolve<L: Lanes<N, U>, const N: usize, const U: usize>(
        &self,
        panels: &mut Panels<L, N, U>,
        packed: &Packed<'_, L, N, U>,
        field: &Field,
        y: &mut [i8],
    ) {
        let [_, rows, cols] = &self.conv.geometry.axes;
        let row_len = cols.output.saturating_mul(self.conv.geometry.out_channels).max(1);
        for (image, y) in y.chunks_mut(row_len.saturating_mul(rows.output).max(1)).enumerate() {
            for (block, y) in y.chunks_mut(row_len.saturating_mul(self.rows).max(1)).enumerate() {
                let first = block.wrapping_mul(self.rows);
                self.lines(panels, image, first, y.len().div_ceil(row_len));
                self.channels(panels, packed, field, row_len, y);
            }
        }
    }

    /// Copies the lines under `count` rows of pixels.
    fn lines<L: Lanes<N, U>, const N: usize, const U: usize>(
        &self,
        panels: &mut Panels<L, N, U>,
        image: usize,
        first: usize,
        count: usize,
    ) {
        let g = &self.conv.geometry;
        let [_, rows, cols] = &g.axes;
        let top = first.wrapping_mul(rows.stride);
        let window = rows.kernel.wrapping_sub(1).wrapping_mul(rows.dilation).wrapping_add(1);
        let lines = count.wrapping_sub(1).wrapping_mul(rows.stride).wrapping_add(window);
        let own = cols.input.wrapping_mul(g.in_channels);
        let before = cols.pad.wrapping_mul(g.in_channels).cast_signed().wrapping_neg();
        for (i, line) in panels.patches().chunks_exact_mut(self.len.max(1)).take(lines).enumerate() {
            let at = top.wrapping_add(i).checked_sub(rows.pad).filter(|&at| at < rows.input);
            let start = at.map(|at| image.wrapping_mul(rows.input).wrapping_add(at).wrapping_mul(own));
            let x = start.and_then(|start| self.conv.x.get(start..start.wrapping_add(own))).unwrap_or(&[]);
            copy_run::<L, N, U>(line, x, before, self.conv.x_zero);
        }
    }

    /// Every channel of the rows of pixels whose lines are there.
    fn channels<L: Lanes<N, U>, const N: usize, const U: usize>(
        &self,
        panels: &mut Panels<L, N, U>,
        packed: &Packed<'_, L, N, U>,
        field: &Field,
        row_len: usize,
        y: &mut [i8],
    ) {
        let conv = self.conv;
        let [_, rows, cols] = &conv.geometry.axes;
        let channels = conv.geometry.out_channels;
        for from in (0..channels).step_by(COLS) {
            let outs = channels.wrapping_sub(from).min(COLS);
            let (operands, own) = panels.operands();
            let (base, weights) = packed.panel(own, conv, field, [0, from], [0, field.depth]);
            let (scale, output) = (&eight(conv.scale, from), conv.output);
            let finish =
                Finish { base, before: false, carry: false, more: false, scale, output, stride: channels, from, outs };
            let step = cols.stride.wrapping_mul(conv.geometry.in_channels);
            let run = cols.kernel.wrapping_mul(conv.geometry.in_channels).div_ceil(U);
            for (row, y) in y.chunks_mut(row_len).enumerate() {
                let start = row.wrapping_mul(rows.stride).wrapping_mul(self.len);
                // No more than there is room for, whatever the geometry says.
                let count = y.len().div_ceil(channels.max(1));
                let line = rows.dilation.wrapping_mul(self.len);
                operands.multiply(
                    None,
                    weights,
                    &Walk { count, start, step, runs: rows.kernel, run, line },
                    &finish,
                    y,
                );
            }
        }
    }
}
