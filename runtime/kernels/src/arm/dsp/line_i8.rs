//! Lines: a row of the input, four channels of it, each as pairs of neighbours.

use super::minus;
use core::arch::naked_asm;

/// Channels of a line: the bytes of a word.
pub(super) const CHANNELS: usize = 4;

/// Pairs of each channel.
pub(super) const WORDS: usize = 13;

/// `[channel][pair]`: `x - x_zero` of two neighbours, 0 in the padding.
#[repr(C)]
pub(super) struct Line(pub(super) [[u32; WORDS]; CHANNELS]);

impl Line {
    pub(super) const ZERO: Line = Line([[0; WORDS]; CHANNELS]);
}

/// Which columns of the input a line holds, and where.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    /// Bytes from the start of a row of the input to the first of its columns.
    start: usize,
    /// The pair in the line that it goes to.
    pair: usize,
    /// Whether it is the second of that pair, whole pairs after it, and whether a first one is left.
    lead: usize,
    pairs: usize,
    trail: usize,
    channels: usize,
    minus: u32,
}

impl Columns {
    /// The columns from `left` on, negative in the padding, of rows of `width` columns with so many channels.
    pub(super) fn new(left: isize, width: usize, channels: usize, zero: i8) -> Columns {
        let skip = usize::try_from(left.wrapping_neg()).unwrap_or(0);
        let first = usize::try_from(left).unwrap_or(0);
        let columns = width.saturating_sub(first).min((2 * WORDS).saturating_sub(skip));
        let lead = (skip % 2).min(columns);
        let rest = columns.wrapping_sub(lead);
        let (pairs, trail) = (rest / 2, rest % 2);
        Columns {
            start: first.wrapping_mul(channels),
            pair: skip / 2,
            lead,
            pairs,
            trail,
            channels,
            minus: minus(zero),
        }
    }

    /// Writes four channels of a row of the input, which `row` points to. What no column writes stays as it is: 0, if
    /// the line was [`Line::ZERO`].
    ///
    /// # Safety
    /// The row must have as many columns and channels as [`Columns::new`] was told, from the first of the four on.
    pub(super) unsafe fn load(&self, line: &mut Line, row: *const i8) {
        if self.lead | self.pairs | self.trail != 0 {
            let to = line.0.as_flattened_mut().as_mut_ptr().wrapping_add(self.pair);
            let from = row.wrapping_add(self.start);
            // SAFETY: the row has these columns, and a line the pairs that they make: `skip` and they are at most twice WORDS.
            unsafe { pairs_of(from, self.channels, to, self.minus, self.pairs, self.lead, self.trail) };
        }
    }
}

/// # Safety
/// `lead + 2 · pairs + trail` words at `x`, `stride` apart, must be readable, and of each channel the pairs that they make
/// writable from `to` on.
#[unsafe(naked)]
unsafe extern "C" fn pairs_of(
    x: *const i8,
    stride: usize,
    to: *mut u32,
    minus: u32,
    pairs: usize,
    lead: usize,
    trail: usize,
) {
    naked_asm!(
        cpu!(),
        "push {{r4-r9, lr}}",
        "ldrd r4, r5, [sp, #28]",
        "cbz r5, 2f",
        "ldr r7, [r0]",
        "add r0, r0, r1",
        "sxtab16 r8, r3, r7",
        "sxtab16 r7, r3, r7, ror #8",
        "movs r5, #0",
        "pkhtb r9, r8, r5, asr #16",
        "pkhtb r12, r7, r5, asr #16",
        "lsls r7, r7, #16",
        "lsls r8, r8, #16",
        "str r9, [r2, #{c2}]",
        "str r12, [r2, #{c3}]",
        "str r7, [r2, #{c1}]",
        "str r8, [r2], #4",
        "2:",
        "cbz r4, 4f",
        "3:",
        "ldr r7, [r0]",
        "ldr r9, [r0, r1]",
        "add r0, r0, r1, lsl #1",
        "sxtab16 r8, r3, r7",
        "sxtab16 r7, r3, r7, ror #8",
        "sxtab16 r12, r3, r9",
        "sxtab16 r9, r3, r9, ror #8",
        "pkhbt r5, r7, r9, lsl #16",
        "pkhbt lr, r8, r12, lsl #16",
        "pkhtb r9, r9, r7, asr #16",
        "pkhtb r12, r12, r8, asr #16",
        "str r5, [r2, #{c1}]",
        "str r12, [r2, #{c2}]",
        "str r9, [r2, #{c3}]",
        "str lr, [r2], #4",
        "subs r4, r4, #1",
        "bne 3b",
        "4:",
        "ldr r5, [sp, #36]",
        "cbz r5, 5f",
        "ldr r7, [r0]",
        "sxtab16 r8, r3, r7",
        "sxtab16 r7, r3, r7, ror #8",
        "lsrs r9, r8, #16",
        "lsrs r4, r7, #16",
        "uxth r8, r8",
        "uxth r7, r7",
        "str r9, [r2, #{c2}]",
        "str r4, [r2, #{c3}]",
        "str r7, [r2, #{c1}]",
        "str r8, [r2]",
        "5:",
        "pop {{r4-r9, pc}}",
        c1 = const WORDS * 4,
        c2 = const WORDS * 8,
        c3 = const WORDS * 12,
    )
}
