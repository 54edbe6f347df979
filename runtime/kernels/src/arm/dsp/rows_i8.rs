//! Five patches times rows of weights.
//!
//! ```text
//! LDM     x0..x4                  even halves
//! LDR     w, SXTB16 e, SXTB16 o   four weights of a channel
//! SMLAD   s0 += x0·e, …           five times
//! LDM     x0..x4                  odd halves
//! SMLAD   s0 += x0·o, …           five times
//! ```
//!
//! Fifteen instructions for twenty products, in all fourteen registers.

use super::finish::Sums;
use super::patch_i8::{Block, DEEP};
use crate::generic::field_i8::Field;
use crate::generic::window_i8::part;
use crate::int8::ConvI8;
use core::arch::naked_asm;

/// Sums of the products of the patches with `len` weights of channels `from` on, from the `k`-th on; a channel for each
/// of `sums`. The first stretch begins with the bias.
pub(super) fn multiply(
    conv: &ConvI8<'_>,
    field: &Field,
    k: usize,
    len: usize,
    from: usize,
    patches: &[Block],
    sums: &mut [Sums],
) {
    let first = from.wrapping_mul(field.depth).wrapping_add(k);
    let before = sums.len().wrapping_sub(1).wrapping_mul(field.depth);
    let (w, bias) = (part(conv.w, first, before.wrapping_add(len)), part(conv.bias, from, sums.len()));
    if w.is_empty() || bias.is_empty() {
        return;
    }
    let bias = if k == 0 { Some(bias) } else { None };
    // The last word of a row may reach beyond it, where the patches hold zeros: into the next rows, or for the last ones
    // into a copy.
    let beyond = if len.is_multiple_of(4) {
        0
    } else if field.depth < 4 {
        3
    } else {
        1
    };
    let whole = sums.len().saturating_sub(beyond);
    let (first, last) = sums.split_at_mut_checked(whole).unwrap_or_default();
    rows(patches, len, w, field.depth, bias.and_then(|bias| bias.get(..whole)), first);
    for (o, sums) in (whole..).zip(last) {
        let mut row = [0; DEEP];
        row.iter_mut().zip(part(w, o.wrapping_mul(field.depth), len)).for_each(|(to, &w)| *to = w);
        let bias = bias.and_then(|bias| bias.get(o)).map(core::slice::from_ref);
        rows(patches, len, &row, DEEP, bias, core::slice::from_mut(sums));
    }
}

/// The sums, begun with the biases or going on from what they hold. `w` holds a row for each of `sums`, `stride` apart,
/// with whole words for `len` elements.
fn rows(patches: &[Block], len: usize, w: &[i8], stride: usize, bias: Option<&[i32]>, sums: &mut [Sums]) {
    let blocks = len.div_ceil(4);
    let read = sums.len().wrapping_sub(1).saturating_mul(stride).saturating_add(blocks.wrapping_mul(4));
    let has_bias = bias.is_none_or(|bias| bias.len() >= sums.len());
    let Some(patches) = patches.get(..blocks) else { return };
    if sums.is_empty() || patches.is_empty() || w.len() < read || !has_bias {
        return;
    }
    let patches = patches.as_ptr_range();
    let args = Rows {
        patches: patches.start,
        end: patches.end,
        weights: w.as_ptr(),
        skip: stride.wrapping_sub(blocks.wrapping_mul(4)),
        bias: bias.map_or(core::ptr::null(), <[i32]>::as_ptr),
        sums: sums.as_mut_ptr(),
        sums_end: sums.as_mut_ptr_range().end,
        blocks,
    };
    // SAFETY: of each pointer as much is there as the checks above say.
    unsafe { multiply_rows(&raw const args) };
}

/// What [`multiply_rows`] works on.
#[repr(C)]
struct Rows {
    patches: *const Block,
    end: *const Block,
    weights: *const i8,
    /// From the end of a row, in whole words, to the next one.
    skip: usize,
    /// Null to go on from the sums.
    bias: *const i32,
    sums: *mut Sums,
    sums_end: *mut Sums,
    blocks: usize,
}

/// Blocks in a turn of the loop over a row, and the bytes of code of each.
const TURN: usize = 8;
const CODE: usize = 60;

/// # Safety
/// `blocks > 0`; `patches` to `end` hold as many; each row has as many words; biases, unless null, and sums are one for
/// each row, at least one.
#[unsafe(naked)]
unsafe extern "C" fn multiply_rows(args: *const Rows) {
    naked_asm!(
        cpu!(),
        "push {{r4-r11, lr}}",
        "ldm r0, {{r1-r8}}",
        // The first turn has the blocks that whole turns leave: it begins in the middle.
        "subs r9, r8, #1",
        "and r9, r9, #{turn} - 1",
        "rsb r9, r9, #{turn} - 1",
        "movs r10, #{code}",
        "adr r8, 5f",
        "mla r8, r9, r10, r8",
        "orr r8, r8, #1",
        "push {{r1-r8}}",
        "mov lr, r3",
        "3:",
        "ldr r5, [sp, #16]",
        "ldr r12, [sp]",
        "cbz r5, 4f",
        "ldr r0, [r5], #4",
        "str r5, [sp, #16]",
        "mov r1, r0",
        "mov r2, r0",
        "mov r3, r0",
        "mov r4, r0",
        "ldr pc, [sp, #28]",
        "4:",
        "ldr r5, [sp, #20]",
        "ldm r5, {{r0-r4}}",
        "ldr pc, [sp, #28]",
        ".p2align 2",
        "5:",
        ".rept {turn}",
        "ldm.w r12!, {{r7-r11}}",
        "ldr.w r5, [lr], #4",
        "sxtb16 r6, r5, ror #8",
        "sxtb16 r5, r5",
        "smlad r0, r7, r5, r0",
        "smlad r1, r8, r5, r1",
        "smlad r2, r9, r5, r2",
        "smlad r3, r10, r5, r3",
        "smlad r4, r11, r5, r4",
        "ldm.w r12!, {{r7-r11}}",
        "smlad r0, r7, r6, r0",
        "smlad r1, r8, r6, r1",
        "smlad r2, r9, r6, r2",
        "smlad r3, r10, r6, r3",
        "smlad r4, r11, r6, r4",
        ".endr",
        "ldr r7, [sp, #4]",
        "cmp r12, r7",
        "bne.w 5b",
        "ldr r5, [sp, #20]",
        "ldr r7, [sp, #12]",
        "stm r5!, {{r0-r4}}",
        "ldr r8, [sp, #24]",
        "str r5, [sp, #20]",
        "add lr, lr, r7",
        "cmp r5, r8",
        "bne.w 3b",
        "add sp, #32",
        "pop {{r4-r11, pc}}",
        turn = const TURN,
        code = const CODE,
    )
}
