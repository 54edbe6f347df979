//! A model and inputs from files, the bytes of every output to a file: to be compared with other targets.
#![no_std]
#![no_main]

use siskin::Memory;
use siskin_board::{Once, parity};
use siskin_riscv as _;

static MODEL: Once<Memory<{ parity::MODEL_LEN }>> = Once::new(Memory::new());
static ARENA: Once<Memory<{ parity::ARENA_LEN }>> = Once::new(Memory::new());
static STATE: Once<Memory<{ parity::STATE_LEN }>> = Once::new(Memory::new());
static MONITOR: Once<Memory<{ parity::MONITOR_LEN }>> = Once::new(Memory::new());

#[riscv_rt::entry]
fn main() -> ! {
    let (Some(model), Some(arena)) = (MODEL.take(), ARENA.take()) else { siskin_riscv::stop() };
    let (Some(state), Some(monitor)) = (STATE.take(), MONITOR.take()) else { siskin_riscv::stop() };
    parity::run(model.bytes(), arena.bytes(), state.bytes(), monitor.bytes())
}
