//! What happens when something goes wrong: the emulator exits instead of spinning for ever.
#![no_std]

use siskin_board::{FAULT, PANIC, semihosting};

/// Ends the program: a `static` was taken twice, which cannot happen.
pub fn stop() -> ! {
    semihosting::exit(FAULT)
}

/// Every trap, in place of riscv-rt's endless loop.
#[unsafe(no_mangle)]
extern "C" fn abort() -> ! {
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
