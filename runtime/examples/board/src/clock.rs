//! Instructions, counted by what the emulator derives from them: run it with `-icount shift=0`.
//!
//! There one instruction takes one nanosecond of virtual time. RISC-V has a counter of instructions. On Cortex-M the
//! SysTick timer counts the core's clock, so a tick is some dozen instructions; a loop of known length says how many.

#[cfg(target_arch = "arm")]
mod core_clock {
    const CONTROL: *mut u32 = 0xE000_E010 as *mut u32;
    const RELOAD: *mut u32 = 0xE000_E014 as *mut u32;
    const CURRENT: *mut u32 = 0xE000_E018 as *mut u32;
    const ENABLED_FROM_CORE_CLOCK: u32 = 0b101;
    const WRAPPED: u32 = 1 << 16;
    const TOP: u32 = 0x00FF_FFFF;
    const TURNS: u32 = 1 << 21;

    /// The instructions that `work` takes, to within a tick; nothing if they overflow the timer.
    pub(crate) fn count(work: impl FnOnce()) -> Option<u32> {
        let known = ticks(|| turn(TURNS))?;
        let counted = ticks(work)?;
        // Quarters of an instruction, for a clock that does not divide a gigahertz.
        let per_tick = (8 * TURNS + known / 2).checked_div(known)?;
        u32::try_from((u64::from(counted) * u64::from(per_tick)) >> 2).ok()
    }

    fn ticks(work: impl FnOnce()) -> Option<u32> {
        // SAFETY: SysTick's registers, which every Cortex-M of the examples has and nothing else here uses.
        unsafe {
            RELOAD.write_volatile(TOP);
            CURRENT.write_volatile(0);
            CONTROL.write_volatile(ENABLED_FROM_CORE_CLOCK);
            work();
            let left = CURRENT.read_volatile();
            let wrapped = CONTROL.read_volatile() & WRAPPED != 0;
            CONTROL.write_volatile(0);
            (!wrapped).then(|| TOP.saturating_sub(left))
        }
    }

    /// Takes `2 * turns` instructions.
    fn turn(turns: u32) {
        // SAFETY: counts a register down.
        unsafe {
            core::arch::asm!("0:", "subs {n}, #1", "bne 0b", n = inout(reg) turns => _, options(nomem, nostack));
        }
    }
}

#[cfg(target_arch = "riscv32")]
mod core_clock {
    /// The instructions that `work` takes; nothing if a `u32` cannot hold them.
    pub(crate) fn count(work: impl FnOnce()) -> Option<u32> {
        let start = retired();
        work();
        u32::try_from(retired().wrapping_sub(start)).ok()
    }

    fn retired() -> u64 {
        let (mut low, mut high, mut again): (u32, u32, u32);
        loop {
            // SAFETY: reads a counter. The high half is read twice in case the low one wrapped between.
            unsafe {
                core::arch::asm!(
                    "csrr {high}, minstreth", "csrr {low}, minstret", "csrr {again}, minstreth",
                    high = out(reg) high, low = out(reg) low, again = out(reg) again, options(nomem, nostack)
                );
            }
            if high == again {
                return u64::from(high) << 32 | u64::from(low);
            }
        }
    }
}

pub(crate) use core_clock::count;
