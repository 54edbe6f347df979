//! Dense and grouped convolution, as [`crate::generic::conv_i8`].
//!
//! ```text
//! for pixels, as many as there is room for:       their fields become rows
//!     for eight output channels:                  their weights become rows
//!         for four pixels:                        tile, bias and scale, store
//! ```

use super::Lanes;
use super::field::{copy, gather};
use super::packed::{Form, Packed};
use super::panel::{COLS, Finish, Panels, Walk, eight};
use super::window_i8::Window;
use crate::Axis;
use crate::generic::field_i8::{Field, Pixels};
use crate::int8::ConvI8;

/// See [`crate::generic::conv_i8`]; `packed` is what [`super::pack_conv_i8`] made, or empty.
pub(crate) fn conv_i8<L: Lanes<N, U>, const N: usize, const U: usize>(conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8]) {
    let Some(field) = Field::new(&conv.geometry) else { return };
    let window = Window::new::<L, N, U>(conv);
    let packed = Packed::new(Form::new::<U>(conv, &field, window.as_ref()), packed);
    let mut panels = Panels::<L, N, U>::new();
    if let Some(window) = window {
        return window.convolve(&mut panels, &packed, &field, y);
    }
    let rows = Panels::<L, N, U>::rows(field.depth);
    let channels = conv.geometry.out_channels.max(1);
    let mut pixels = Pixels::new(&conv.geometry);
    for y in y.chunks_mut(channels.saturating_mul(rows)) {
        let block = Block { conv, field: &field, pixels: pixels.clone(), count: y.len().div_ceil(channels) };
        (0..conv.geometry.groups).for_each(|group| block.group(&mut panels, &packed, group, y));
        pixels.skip(block.count);
    }
}

/// Some pixels.
struct Block<'a> {
    conv: &'a ConvI8<'a>,
    field: &'a Field,
    pixels: Pixels<'a>,
    count: usize,
}

impl Block<'_> {
    /// The channels of one group.
    fn group<L: Lanes<N, U>, const N: usize, const U: usize>(
        &self,
        panels: &mut Panels<L, N, U>,
        packed: &Packed<'_, L, N, U>,
        group: usize,
        y: &mut [i8],
    ) {
        let (conv, depth) = (self.conv, self.field.depth);
        let rows = self.rows::<L, N, U>();
        for out in (0..self.field.outs).step_by(COLS) {
            let from = group.wrapping_mul(self.field.outs).wrapping_add(out);
            let outs = self.field.outs.wrapping_sub(out).min(COLS);
            let scale = eight(conv.scale, from);
            for k in (0..depth).step_by(Panels::<L, N, U>::DEPTH) {
                let len = depth.wrapping_sub(k).min(Panels::<L, N, U>::DEPTH);
                // A field of one stretch serves every channel.
                if rows.is_none() && (out == 0 || len < depth) {
                    self.gather(panels, k, len, group);
                }
                let (operands, own) = panels.operands();
                let (base, weights) = packed.panel(own, conv, self.field, [group, out], [k, len]);
                let (carry, more) = (k > 0, k.wrapping_add(len) < depth);
                let stride = conv.geometry.out_channels;
                let finish =
                    Finish { base, before: false, carry, more, scale: &scale, output: conv.output, stride, from, outs };
                operands.multiply(rows, weights, &Walk::rows(self.count, len.div_ceil(U), U), &finish, y);
            }
        }
    }

    /// Whether the fields of pixels one after the other lie so in the input.
    fn is_plain(&self) -> bool {
        let g = &self.conv.geometry;
        g.groups == 1 && g.axes.iter().all(Axis::is_pointwise)
    }

    /// The fields where they lie in the input as rows.
    fn rows<L: Lanes<N, U>, const N: usize, const U: usize>(&self) -> Option<&[L::Element]> {
        let depth = self.field.depth;
        let fits = self.is_plain() && depth.is_multiple_of(U) && depth <= Panels::<L, N, U>::DEPTH;
        let start = self.pixels.at().wrapping_mul(depth);
        let x = self.conv.x.get(start..start.wrapping_add(self.count.wrapping_mul(depth)))?;
        L::in_place(x).filter(|_| fits)
    }

    /// Copies `len` elements of every pixel's field, from `k` on.
    fn gather<L: Lanes<N, U>, const N: usize, const U: usize>(
        &self,
        panels: &mut Panels<L, N, U>,
        k: usize,
        len: usize,
        group: usize,
    ) {
        let (conv, field) = (self.conv, self.field);
        let stride = len.next_multiple_of(U);
        if self.is_plain() && stride == field.depth {
            let x = self.pixels.at().wrapping_mul(stride);
            let room = panels.patches().get_mut(..self.count.wrapping_mul(stride)).unwrap_or(&mut []);
            return copy::<L, N, U>(room, conv.x.get(x..).unwrap_or(&[]));
        }
        let mut pixels = self.pixels.clone();
        for row in panels.patches().chunks_exact_mut(stride).take(self.count) {
            gather::<L, N, U>(field, row.get_mut(..len).unwrap_or(&mut []), k, conv, pixels.next(), group);
        }
    }
}
