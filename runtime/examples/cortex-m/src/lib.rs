//! What happens when something goes wrong: the emulator exits instead of spinning for ever.
#![no_std]

use cortex_m_rt::{ExceptionFrame, exception};
use siskin_board::{FAULT, PANIC, semihosting};

/// Ends the program: a `static` was taken twice, which cannot happen.
pub fn stop() -> ! {
    semihosting::exit(FAULT)
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    semihosting::exit(FAULT)
}

/// Stays in the image if anything can panic.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    siskin_panic_reached(info.location())
}

#[inline(never)]
#[unsafe(no_mangle)]
fn siskin_panic_reached(place: Option<&core::panic::Location<'_>>) -> ! {
    // Keeps the places in the image, where the check reads them.
    core::hint::black_box(place);
    semihosting::exit(PANIC)
}
