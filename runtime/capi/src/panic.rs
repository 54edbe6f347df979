//! The panic handler that a `no_std` library must have. No panic reaches it: `cargo xtask capi` finds this symbol in
//! no linked program.

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    siskin_panic_reached(info.location())
}

#[inline(never)]
#[unsafe(no_mangle)]
fn siskin_panic_reached(place: Option<&core::panic::Location<'_>>) -> ! {
    loop {
        // Keeps the places in the image, where the check reads them.
        core::hint::black_box(place);
    }
}

/// Toolchains compile their own crates for operating systems so that they could unwind, and these name it.
#[cfg(not(target_os = "none"))]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
