//! How deep the stack grew: paint what is free, look later what is still painted.

use core::arch::asm;

const PAINT: u32 = 0xCCCC_CCCC;
/// The most that is painted: more than any of these programs needs.
const REACH: usize = 128 << 10;
/// What the painter itself may use below the stack pointer that it sees.
const OWN: usize = 256;

unsafe extern "C" {
    /// The address after the stack's first word, from the linker script.
    #[link_name = "_stack_start"]
    static TOP: u32;
    /// The lowest address that the stack may reach.
    #[cfg_attr(target_arch = "arm", link_name = "_stack_end")]
    #[cfg_attr(target_arch = "riscv32", link_name = "__estack")]
    static BOTTOM: u32;
}

/// The painted words: from a fixed distance below the top, or from the bottom, up to `end`.
fn words(end: usize) -> impl Iterator<Item = *mut u32> {
    let (top, bottom) = ((&raw const TOP).addr(), (&raw const BOTTOM).addr());
    let start = bottom.max(top.saturating_sub(REACH)).next_multiple_of(4);
    (start..end).step_by(4).map(core::ptr::with_exposed_provenance_mut)
}

/// Paints what is free.
#[inline(never)]
pub(crate) fn paint() {
    for word in words(pointer().saturating_sub(OWN)) {
        // SAFETY: the linker script gives this memory to the stack, and it lies below all that is in use.
        unsafe { word.write_volatile(PAINT) };
    }
}

/// Bytes from the stack's top to the deepest word that was written since [`paint`].
#[inline(never)]
pub(crate) fn high_water() -> u32 {
    let top = (&raw const TOP).addr();
    // SAFETY: memory of the stack; reading it changes nothing.
    let deepest = words(top).find(|word| unsafe { word.read_volatile() } != PAINT);
    u32::try_from(top.saturating_sub(deepest.map_or(top, |word| word.addr()))).unwrap_or(u32::MAX)
}

fn pointer() -> usize {
    let sp;
    #[cfg(target_arch = "arm")]
    // SAFETY: reads a register.
    unsafe {
        asm!("mov {}, sp", out(reg) sp, options(nomem, nostack));
    }
    #[cfg(target_arch = "riscv32")]
    // SAFETY: reads a register.
    unsafe {
        asm!("mv {}, sp", out(reg) sp, options(nomem, nostack));
    }
    sp
}
