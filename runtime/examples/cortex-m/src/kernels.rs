//! Every kernel that the core has of its own against the portable one, on drawn operands.
#![no_std]
#![no_main]

use siskin_board::{Once, kernels};
use siskin_cortex_m as _;

static MEMORY: Once<kernels::Memory> = Once::new(kernels::Memory::new());

#[cortex_m_rt::entry]
fn main() -> ! {
    let Some(memory) = MEMORY.take() else { siskin_cortex_m::stop() };
    kernels::run(memory)
}
