//! Every kernel that the core has of its own against the portable one, on drawn operands.
#![no_std]
#![no_main]

use siskin_board::{Once, kernels};
use siskin_riscv as _;

static MEMORY: Once<kernels::Memory> = Once::new(kernels::Memory::new());

#[riscv_rt::entry]
fn main() -> ! {
    let Some(memory) = MEMORY.take() else { siskin_riscv::stop() };
    kernels::run(memory)
}
