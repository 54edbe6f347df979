//! One pixel times rows of weights: three rows share each load of its elements.
//!
//! ```text
//! LDM     e0, o0, e1, o1          eight elements, widened
//! LDM     w0, w1                  eight weights of a channel    } three times
//! SXTB16, SMLAD                   four times                    }
//! ```
//!
//! That is 28 instructions for 24 products. Rows of weights must begin at words and hold eights.

use super::finish::Sums;
use super::patch_i8::Block;
use crate::generic::field_i8::Field;
use crate::generic::window_i8::part;
use crate::int8::ConvI8;
use core::arch::naked_asm;

/// Rows of weights that go together.
const ROWS: usize = 3;

/// Writes the outputs of one pixel; whether it could: for pointwise convolutions of one group whose weights are aligned
/// and whose fields fit into `memory`.
pub(super) fn one(
    conv: &ConvI8<'_>,
    field: &Field,
    pixel: usize,
    memory: &mut [Block],
    sums: &mut [Sums],
    y: &mut [i8],
) -> bool {
    let (depth, outs) = (field.depth, field.outs);
    let [_, rows, cols] = &conv.geometry.axes;
    let patch = memory.as_flattened_mut().get_mut(..depth / 2).unwrap_or_default();
    let x = part(conv.x, pixel.wrapping_mul(depth), depth);
    let (w, bias) = (part(conv.w, 0, depth.saturating_mul(outs)), part(conv.bias, 0, outs));
    let y = y.get_mut(pixel.wrapping_mul(outs)..).and_then(|y| y.get_mut(..outs)).unwrap_or_default();
    let pointwise = rows.is_pointwise() && cols.is_pointwise() && conv.geometry.groups == 1;
    let aligned = depth.is_multiple_of(8) && w.as_ptr().addr().is_multiple_of(4);
    let there = !patch.is_empty() && !x.is_empty() && !w.is_empty() && bias.len() == outs && y.len() == outs;
    if !pointwise || !aligned || !there || outs < ROWS {
        return false;
    }
    widen(x, patch, conv.x_zero);
    let sums = sums.as_flattened_mut();
    let room = sums.len() / ROWS * ROWS;
    let mut next = 0usize;
    while next < outs {
        let left = outs.wrapping_sub(next);
        // One or two rows that are left go with some that are done already.
        let (from, count) =
            if left < ROWS { (outs.wrapping_sub(ROWS), ROWS) } else { (next, (left / ROWS * ROWS).min(room)) };
        let Some(sums) = sums.get_mut(..count).filter(|_| count > 0) else { return false };
        multiply(patch, part(w, from.wrapping_mul(depth), count.wrapping_mul(depth)), part(bias, from, count), sums);
        let y = y.get_mut(from..).unwrap_or_default();
        for ((y, &sum), &scale) in y.iter_mut().zip(&*sums).zip(part(conv.scale, from, count)) {
            *y = conv.output.requantize(sum, scale);
        }
        next = from.wrapping_add(count);
    }
    true
}

/// `(x0, x2)` and `(x1, x3)` of each four elements, zero point subtracted.
fn widen(x: &[i8], patch: &mut [u32], zero: i8) {
    let half = |x: i8| u32::from(i16::from(x).wrapping_sub(i16::from(zero)).cast_unsigned());
    for (&[a, b, c, d], to) in x.as_chunks().0.iter().zip(patch.as_chunks_mut().0) {
        *to = [half(a) | half(c) << 16, half(b) | half(d) << 16];
    }
}

/// Sums, one for each row of `w` and as many biases; in threes.
fn multiply(patch: &[u32], w: &[i8], bias: &[i32], sums: &mut [i32]) {
    let depth = patch.len().wrapping_mul(2);
    let rows = sums.len();
    let whole = depth > 0 && depth.is_multiple_of(8) && rows > 0 && rows.is_multiple_of(ROWS);
    if !whole || bias.len() != rows || w.len() < rows.saturating_mul(depth) || !w.as_ptr().addr().is_multiple_of(4) {
        return;
    }
    let patch = patch.as_ptr_range();
    let args = Threes {
        patch: patch.start,
        end: patch.end,
        weights: w.as_ptr(),
        stride: depth,
        bias: bias.as_ptr(),
        sums: sums.as_mut_ptr(),
        sums_end: sums.as_mut_ptr_range().end,
        eights: depth / 8,
    };
    // SAFETY: the patch holds `depth` elements, `w` as many for each of the sums, at words; sums and biases are in threes.
    unsafe { multiply_threes(&raw const args) };
}

/// What [`multiply_threes`] works on.
#[repr(C)]
struct Threes {
    patch: *const u32,
    end: *const u32,
    weights: *const i8,
    stride: usize,
    bias: *const i32,
    sums: *mut i32,
    sums_end: *mut i32,
    eights: usize,
}

/// The products of eight elements with eight weights of a row, added to `$sum`.
macro_rules! eight {
    ($row:literal, $sum:literal) => {
        concat!(
            "ldm.w ",
            $row,
            "!, {{r7, r8}}\n",
            "sxtb16 r9, r7\n",
            "sxtb16 r7, r7, ror #8\n",
            "smlad ",
            $sum,
            ", r3, r9, ",
            $sum,
            "\n",
            "sxtb16 r9, r8\n",
            "smlad ",
            $sum,
            ", r4, r7, ",
            $sum,
            "\n",
            "sxtb16 r8, r8, ror #8\n",
            "smlad ",
            $sum,
            ", r5, r9, ",
            $sum,
            "\n",
            "smlad ",
            $sum,
            ", r6, r8, ",
            $sum,
        )
    };
}

/// # Safety
/// `patch` to `end` hold `eights` times four words, at least once; rows of weights begin at words, `stride` apart, and hold
/// `eights` times eight; sums and biases come in threes, at least once.
#[unsafe(naked)]
unsafe extern "C" fn multiply_threes(args: *const Threes) {
    naked_asm!(
        cpu!(),
        "push {{r4-r11, lr}}",
        "ldm r0, {{r1-r8}}",
        // A loop turns over two eights; an odd number of them begins in the middle.
        "adr r9, 3f",
        "lsls r8, r8, #31",
        "it mi",
        "addmi r9, r9, #112",
        "orr r8, r9, #1",
        "push {{r1-r8}}",
        "2:",
        "ldr lr, [sp]",
        "ldrd r10, r3, [sp, #8]",
        "ldr r4, [sp, #16]",
        "add r11, r10, r3",
        "add r12, r11, r3",
        "ldm r4!, {{r0-r2}}",
        "add r3, r12, r3",
        "str r4, [sp, #16]",
        "str r3, [sp, #8]",
        "ldr pc, [sp, #28]",
        ".p2align 2",
        "3:",
        ".rept 2",
        "ldm.w lr!, {{r3-r6}}",
        eight!("r10", "r0"),
        eight!("r11", "r1"),
        eight!("r12", "r2"),
        ".endr",
        "ldr.w r9, [sp, #4]",
        "cmp lr, r9",
        "bne.w 3b",
        "ldrd r3, r4, [sp, #20]",
        "stm r3!, {{r0-r2}}",
        "str r3, [sp, #20]",
        "cmp r3, r4",
        "bne.w 2b",
        "add sp, #32",
        "pop {{r4-r11, pc}}",
    )
}
