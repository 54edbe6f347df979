//! Sums of products of rows of bytes.

use core::arch::naked_asm;
use core::mem::MaybeUninit;

/// Three rows of `x` with rows of weights; sums begin with `start`.
pub(super) struct Tile<'a, const N: usize> {
    pub(super) x: [&'a [i8]; 3],
    pub(super) w: &'a [i8],
    pub(super) depth: usize,
    pub(super) start: &'a [i32; N],
}

impl<const N: usize> Tile<'_, N> {
    /// The sums of `outs` rows of weights, by row of `x`.
    pub(super) fn run(&self, outs: usize, sums: &mut [[i32; N]; 3]) {
        let depth = self.depth;
        let there = self.x.iter().all(|x| x.len() >= depth) && self.w.len() >= outs.saturating_mul(depth);
        if outs == 0 || depth == 0 || outs.wrapping_add(1) > N || !there {
            return;
        }
        let even = outs & !1;
        if even > 0 {
            self.pairs(0, even, depth, sums);
        }
        if even < outs {
            // The last one is a pair with itself.
            self.pairs(even, 2, 0, sums);
        }
    }

    fn pairs(&self, from: usize, outs: usize, stride: usize, sums: &mut [[i32; N]; 3]) {
        let end = from.wrapping_add(outs);
        let start = self.start.get(from..end).unwrap_or(&[]);
        if start.is_empty() {
            return;
        }
        let args = Pairs {
            x: self.x.map(<[i8]>::as_ptr),
            w: self.w.as_ptr().wrapping_add(from.wrapping_mul(self.depth)),
            depth: self.depth,
            stride,
            start: start.as_ptr(),
            sums: sums.as_flattened_mut().as_mut_ptr().wrapping_add(from),
            row: N.wrapping_mul(4),
            end: start.as_ptr_range().end,
        };
        // SAFETY: rows of `x` and of weights have `depth` bytes, and there is a start and a sum for each.
        unsafe { three(&raw const args) };
    }
}

#[repr(C)]
struct Pairs {
    x: [*const i8; 3],
    w: *const i8,
    depth: usize,
    /// Bytes from a row of weights to the next.
    stride: usize,
    start: *const i32,
    sums: *mut i32,
    /// Bytes from the sums of a row of `x` to those of the next.
    row: usize,
    end: *const i32,
}

/// # Safety
/// Rows of `x` and of weights must have `depth > 0` bytes; starts up to the end, an even number and not none, must be
/// readable, and as many sums writable, and weights readable.
#[unsafe(naked)]
unsafe extern "C" fn three(args: *const Pairs) {
    naked_asm!(
        cpu!(),
        "push {{r4-r11, lr}}",
        "ldm r0, {{r1-r10}}",
        "push {{r1-r10}}",
        "2:",
        "ldr r12, [sp, #24]",
        "mov r11, sp",
        "ldrd r0, r2, [r12], #8",
        "ldm r11, {{r1, r3, r5, r7}}",
        "str r12, [sp, #24]",
        "ldrd r11, r12, [sp, #16]",
        "mov r4, r0",
        "mov r6, r2",
        "mov r8, r0",
        "mov r10, r2",
        "add r9, r7, r12",
        "add r12, r12, r9",
        "str r12, [sp, #12]",
        "dlstp.8 lr, r11",
        "3:",
        "vldrb.u8 q0, [r7], #16",
        "vldrb.u8 q2, [r1], #16",
        "vldrb.u8 q1, [r9], #16",
        "vmladava.s8 r0, q2, q0",
        "vldrb.u8 q3, [r3], #16",
        "vmladava.s8 r2, q2, q1",
        "vldrb.u8 q2, [r5], #16",
        "vmladava.s8 r4, q3, q0",
        "vmladava.s8 r6, q3, q1",
        "vmladava.s8 r8, q2, q0",
        "vmladava.s8 r10, q2, q1",
        "letp lr, 3b",
        "ldrd r11, r12, [sp, #28]",
        "add r1, r11, r12",
        "add r3, r1, r12",
        "strd r0, r2, [r11], #8",
        "strd r4, r6, [r1]",
        "strd r8, r10, [r3]",
        "str r11, [sp, #28]",
        "ldr r1, [sp, #24]",
        "ldr r3, [sp, #36]",
        "cmp r1, r3",
        "bne 2b",
        "add sp, #40",
        "pop {{r4-r11, pc}}",
    )
}

/// Rows of weights that go together with one of `x`.
pub(super) const ROWS: usize = 3;

/// The sums of one row of `x`, less `x_zero`, with a row of weights for each bias, at least [`ROWS`], into `memory`; none
/// if operands are not there. Each row's share of the zero point is summed along with it, as no other pixel would use it.
pub(super) fn one<'a>(x: &[i8], x_zero: i8, w: &[i8], bias: &[i32], memory: &'a mut [MaybeUninit<i32>]) -> &'a [i32] {
    let (depth, outs) = (x.len(), bias.len());
    if depth == 0 || w.len() < outs.saturating_mul(depth) || memory.len() < outs || outs < ROWS {
        return &[];
    }
    let sums = memory.as_mut_ptr().cast::<i32>();
    let mut next = 0usize;
    while next < outs {
        // One or two rows that are left go with some that are done already.
        let from = next.min(outs.wrapping_sub(ROWS));
        next = from.wrapping_add(outs.wrapping_sub(from) / ROWS * ROWS);
        let args = Threes {
            x: x.as_ptr(),
            w: w.as_ptr().wrapping_add(from.wrapping_mul(depth)),
            bias: bias.as_ptr().addr().wrapping_sub(sums.addr()),
            x_zero: x_zero.into(),
            end: sums.wrapping_add(next),
        };
        // SAFETY: there are rows, biases and sums up to `next`, which is at most `outs` and whole threes from `from`.
        unsafe { row_by_threes(&raw const args, sums.wrapping_add(from), depth) };
    }
    // SAFETY: the loop has written `outs` of them.
    unsafe { core::slice::from_raw_parts(sums, outs) }
}

#[repr(C)]
struct Threes {
    x: *const i8,
    w: *const i8,
    /// Bytes from a sum to its bias.
    bias: usize,
    x_zero: i32,
    end: *mut i32,
}

/// # Safety
/// `x` and rows of weights must have `depth > 0` bytes; rows, biases and sums to the end come in threes, at least once.
#[unsafe(naked)]
unsafe extern "C" fn row_by_threes(args: *const Threes, sums: *mut i32, depth: usize) {
    naked_asm!(
        cpu!(),
        "push {{r4-r11, lr}}",
        "mov r9, r1",
        "mov r11, r2",
        "ldm r0, {{r0, r1, r2, r3, r4}}",
        "push {{r0, r1, r2, r3, r4}}",
        "2:",
        "ldrd r3, r12, [sp, #4]",
        "ldr r1, [sp]",
        "add r12, r12, r9",
        "ldm r12, {{r0, r2, r4}}",
        "movs r6, #0",
        "mov r8, r6",
        "mov r10, r6",
        "add r5, r3, r11",
        "add r7, r5, r11",
        "add r12, r7, r11",
        "str r12, [sp, #4]",
        "dlstp.8 lr, r11",
        "3:",
        "vldrb.u8 q0, [r1], #16",
        "vldrb.u8 q1, [r3], #16",
        "vldrb.u8 q2, [r5], #16",
        "vmladava.s8 r0, q0, q1",
        "vaddva.s8 r6, q1",
        "vldrb.u8 q3, [r7], #16",
        "vmladava.s8 r2, q0, q2",
        "vaddva.s8 r8, q2",
        "vmladava.s8 r4, q0, q3",
        "vaddva.s8 r10, q3",
        "letp lr, 3b",
        "ldrd r12, r3, [sp, #12]",
        "mls r0, r6, r12, r0",
        "mls r2, r8, r12, r2",
        "mls r4, r10, r12, r4",
        "stm r9!, {{r0, r2, r4}}",
        "cmp r9, r3",
        "bne 2b",
        "add sp, #20",
        "pop {{r4-r11, pc}}",
    )
}

/// The sum of a row of weights.
pub(super) fn total(row: &[i8]) -> i32 {
    // SAFETY: the row has as many bytes as it says.
    unsafe { total_of(row.as_ptr(), row.len()) }
}

/// # Safety
/// `row` must have `len` bytes.
#[unsafe(naked)]
unsafe extern "C" fn total_of(row: *const i8, len: usize) -> i32 {
    naked_asm!(
        cpu!(),
        "push {{r7, lr}}",
        "mov r3, r0",
        "movs r0, #0",
        "wlstp.8 lr, r1, 3f",
        "2:",
        "vldrb.u8 q0, [r3], #16",
        "vaddva.s8 r0, q0",
        "letp lr, 2b",
        "3:",
        "pop {{r7, pc}}",
    )
}
