//! One model in flash: parsed, tested, run and measured.
//!
//! The program's name names the model. Firmware of your own writes a path instead, makes a session as
//! `siskin_board::measure` does, and then writes inputs, runs and reads outputs for ever.
#![no_std]
#![no_main]

use siskin::Memory;
use siskin_board::Once;
use siskin_cortex_m as _;

siskin::include_model!(static MODEL = concat!(env!("SISKIN_MODELS"), "/", env!("CARGO_BIN_NAME"), ".siskin"));
static ARENA: Once<Memory<{ MODEL.arena_len() }>> = Once::new(Memory::new());
static STATE: Once<Memory<{ MODEL.state_len() }>> = Once::new(Memory::new());

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(arena), Some(state)) = (ARENA.take(), STATE.take()) else { siskin_cortex_m::stop() };
    siskin_board::measure(env!("CARGO_BIN_NAME"), &MODEL, arena.bytes(), state.bytes())
}
