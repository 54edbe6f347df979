//! Patches: stretches of the receptive fields of five pixels, widened.
//!
//! ```text
//! for each four elements: (x0, x2) of five pixels, then (x1, x3) of five pixels
//! ```
//!
//! Each is `x - x_zero`, 0 in the padding and beyond the end.

use super::conv_i8::PIXELS;
use super::minus;
use crate::arm::copy::copy;
use crate::generic::field_i8::{Field, Pixel};
use crate::int8::ConvI8;
use core::arch::naked_asm;

/// Elements of a field that fit whole into the smaller patches.
pub(super) const SHALLOW: usize = 64;

/// Elements of a stretch of a deeper one.
pub(super) const DEEP: usize = 144;

/// Four elements of five pixels.
pub(super) type Block = [u32; 2 * PIXELS];

/// Fills the patches of pixels `at` with `len` elements of their fields, from the `k`-th on.
pub(super) fn gather(
    conv: &ConvI8<'_>,
    field: &Field,
    k: usize,
    len: usize,
    group: usize,
    at: &[Pixel],
    patches: &mut [Block],
) {
    let [_, rows, cols] = &conv.geometry.axes;
    if rows.is_pointwise() && cols.is_pointwise() && len.is_multiple_of(4) {
        let channels = conv.geometry.in_channels;
        let first = at.first().map_or(0, |at| at.index(&conv.geometry));
        let start = first.wrapping_mul(channels).wrapping_add(group.wrapping_mul(field.ins)).wrapping_add(k);
        widen(conv.x.get(start..).unwrap_or(&[]), channels, len / 4, minus(conv.x_zero), patches, 0, at.len());
        return;
    }
    // Runs of whole words are widened where they lie; others, and those that reach into the padding, are collected first.
    let whole = field.run.is_multiple_of(4);
    let mut bytes = [conv.x_zero; DEEP];
    for (p, &at) in at.iter().enumerate() {
        let mut to = 0usize;
        field.runs(k, len, conv, at, group, |run, line, from| {
            let start = to;
            to = to.wrapping_add(run);
            let inside = usize::try_from(from).ok().and_then(|from| line.get(from..from.wrapping_add(run)));
            let x = match inside {
                Some(x) if whole => x,
                _ => copy(bytes.get_mut(start..to).unwrap_or_default(), line, from, conv.x_zero),
            };
            if whole {
                let patches = patches.get_mut(start / 4..).unwrap_or_default();
                widen(x, 0, run / 4, minus(conv.x_zero), patches, p, 1);
            }
        });
        if !whole {
            widen(&bytes, 0, len.div_ceil(4), minus(conv.x_zero), patches, p, 1);
        }
    }
}

/// Widens `blocks` times four elements of each of `pixels`, `stride` apart, into the patches of pixel `p` and those
/// after it.
#[inline(never)]
fn widen(x: &[i8], stride: usize, blocks: usize, minus: u32, patches: &mut [Block], p: usize, pixels: usize) {
    let len = blocks.wrapping_mul(4);
    let read = stride.saturating_mul(pixels.wrapping_sub(1)).saturating_add(len);
    let fits = blocks > 0 && pixels > 0 && blocks <= patches.len() && p.saturating_add(pixels) <= PIXELS;
    if fits && x.len() >= read {
        let to = patches.as_flattened_mut().as_mut_ptr().wrapping_add(p);
        // SAFETY: `x` has `blocks` words for each pixel, and each block two words for each.
        unsafe { widen_words(x.as_ptr(), blocks, to, minus, stride.wrapping_sub(len), pixels) };
    }
}

/// # Safety
/// `x` must have `blocks` words for each of `pixels`, and `skip` bytes between; `patch` two words for each block and
/// pixel, those of a pixel [`PIXELS`] apart.
#[unsafe(naked)]
unsafe extern "C" fn widen_words(x: *const i8, blocks: usize, patch: *mut u32, minus: u32, skip: usize, pixels: usize) {
    naked_asm!(
        cpu!(),
        "push {{r4-r8}}",
        "ldrd r6, r7, [sp, #20]",
        "2:",
        "mov r5, r1",
        "mov r8, r2",
        "3:",
        "ldr r4, [r0], #4",
        "sxtab16 r12, r3, r4",
        "sxtab16 r4, r3, r4, ror #8",
        "str r12, [r8], #20",
        "str r4, [r8], #20",
        "subs r5, r5, #1",
        "bne 3b",
        "add r0, r0, r6",
        "adds r2, r2, #4",
        "subs r7, r7, #1",
        "bne 2b",
        "pop {{r4-r8}}",
        "bx lr",
    )
}
