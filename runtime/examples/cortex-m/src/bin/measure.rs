//! One model in flash: parsed, tested, run and measured.
//!
//! `SISKIN_MODEL` names the file. Firmware of your own writes its path instead, and after `self_test`
//! `session.write_f32(0, samples)`, `session.run()`, `session.read_f32(0, scores)` for ever.
#![no_std]
#![no_main]

use siskin::Memory;
use siskin_board::Once;
use siskin_cortex_m as _;

siskin::include_model!(static MODEL = env!("SISKIN_MODEL"));
static ARENA: Once<Memory<{ MODEL.arena_len() }>> = Once::new(Memory::new());
static STATE: Once<Memory<{ MODEL.state_len() }>> = Once::new(Memory::new());

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(arena), Some(state)) = (ARENA.take(), STATE.take()) else { siskin_cortex_m::stop() };
    siskin_board::measure(env!("SISKIN_NAME"), &MODEL, arena.bytes(), state.bytes())
}
