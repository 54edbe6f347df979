//! What a program without `std` owes: an allocator and an answer to panics.

/// Small, and safe to construct: wasm here has one thread.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The runtime has no panic path; what remains is running out of memory in a text.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
