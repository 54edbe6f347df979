//! One model in flash with its monitor: run, watched, and its report printed.
//!
//! Firmware of your own keeps the monitor beside the session, calls [`siskin::Monitor::run`] in place of
//! [`siskin::Session::run`], acts on an alarm, and sends the report when it has a connection.
#![no_std]
#![no_main]

use siskin::Memory;
use siskin_board::Once;
use siskin_cortex_m as _;

siskin::include_model!(static MODEL = concat!(env!("SISKIN_MODELS"), "/", env!("CARGO_BIN_NAME"), ".siskin"));
static ARENA: Once<Memory<{ MODEL.arena_len() }>> = Once::new(Memory::new());
static STATE: Once<Memory<{ MODEL.state_len() }>> = Once::new(Memory::new());
static MONITOR: Once<Memory<{ MODEL.monitor_len() }>> = Once::new(Memory::new());

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(arena), Some(state), Some(memory)) = (ARENA.take(), STATE.take(), MONITOR.take()) else {
        siskin_cortex_m::stop()
    };
    siskin_board::watch(env!("CARGO_BIN_NAME"), &MODEL, arena.bytes(), state.bytes(), memory.bytes())
}
