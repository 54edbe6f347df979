//! Dense and grouped convolution: five pixels share each load of a weight.
//!
//! The fields of five pixels are gathered into patches, a stretch at a time, and meet the weights of a stretch of
//! channels; then these sums are requantized. One or two pixels that are left, and matrix products of one row, go each by
//! itself.

use super::finish::{Sums, finish};
use super::one_i8::one;
use super::patch_i8::{Block, DEEP, SHALLOW, gather};
use super::rows_i8::multiply;
use crate::Conv;
use crate::generic::field_i8::{Field, Pixel, Pixels};
use crate::generic::window_i8::part;
use crate::int8::ConvI8;

/// Pixels of a tile.
pub(super) const PIXELS: usize = 5;

pub(super) fn conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
    let Some(field) = Field::new(&conv.geometry) else { return };
    // A deep field is gathered anew for each stretch of channels: then longer stretches are worth their stack.
    if field.depth <= SHALLOW { shallow(conv, &field, y) } else { deep(conv, &field, y) }
}

#[inline(never)]
fn shallow(conv: &ConvI8<'_>, field: &Field, y: &mut [i8]) {
    Tile { conv, field, patches: &mut [[0; 2 * PIXELS]; SHALLOW / 4], sums: &mut [[0; PIXELS]; 16], finite: false }
        .all(y);
}

#[inline(never)]
fn deep(conv: &ConvI8<'_>, field: &Field, y: &mut [i8]) {
    Tile { conv, field, patches: &mut [[0; 2 * PIXELS]; DEEP / 4], sums: &mut [[0; PIXELS]; 32], finite: false }.all(y);
}

/// A convolution with its memory.
struct Tile<'a> {
    conv: &'a ConvI8<'a>,
    field: &'a Field,
    patches: &'a mut [Block],
    sums: &'a mut [Sums],
    /// Whether every scale is a number.
    finite: bool,
}

impl Tile<'_> {
    /// Every output. Three or four pixels that are left go with one or two that are done already.
    #[inline(never)]
    fn all(&mut self, y: &mut [i8]) {
        let channels = self.conv.geometry.out_channels.max(1);
        let pixels = y.len().checked_div(channels).unwrap_or(0);
        let mut next = 0;
        // One or two pixels do without.
        self.finite = pixels > 2 && self.conv.scale.iter().all(|scale| scale.is_finite());
        while next < pixels {
            let left = pixels.wrapping_sub(next);
            if left < 3 && one(self.conv, self.field, next, self.patches, self.sums, y) {
                next = next.wrapping_add(1);
                continue;
            }
            let first = if left < PIXELS { pixels.saturating_sub(PIXELS) } else { next };
            next = first.wrapping_add(PIXELS);
            let mut at = Pixels::from(&self.conv.geometry, first);
            let at = [(); PIXELS].map(|()| at.next());
            let at = at.get(..pixels.min(PIXELS)).unwrap_or(&[]);
            let y = y.get_mut(first.wrapping_mul(channels)..).unwrap_or_default();
            (0..self.conv.geometry.groups).for_each(|group| self.group(group, at, y));
        }
    }

    /// The channels of a group.
    fn group(&mut self, group: usize, at: &[Pixel], y: &mut [i8]) {
        let (conv, field, depth) = (self.conv, self.field, self.patches.len().wrapping_mul(4));
        let Conv { out_channels: stride, .. } = conv.geometry;
        let first = group.wrapping_mul(field.outs);
        for block in (0..field.outs).step_by(self.sums.len().max(1)) {
            let outs = field.outs.wrapping_sub(block).min(self.sums.len());
            let Some(sums) = self.sums.get_mut(..outs) else { return };
            let from = first.wrapping_add(block);
            for k in (0..field.depth).step_by(depth.max(1)) {
                let len = field.depth.wrapping_sub(k).min(depth);
                // A field of one stretch serves every block.
                if block == 0 || field.depth > depth {
                    gather(conv, field, k, len, group, at, self.patches);
                }
                multiply(conv, field, k, len, from, self.patches, sums);
            }
            let y = y.get_mut(from..).unwrap_or_default();
            finish(conv.output, self.finite, part(conv.scale, from, outs), sums, y, stride, at.len());
        }
    }
}
