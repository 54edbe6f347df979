//! Any bytes, sealed, that parse: a session runs them to the end without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use siskin::{Generic, Model, Session, op};
use siskin_fuzz::{Aligned, seal};

/// Larger arenas are only slower to fuzz.
const MAX_ARENA: usize = 1 << 16;
/// Multiply-accumulates beyond which a model is merely slow.
const MAX_MACS: u64 = 1 << 24;

fuzz_target!(|data: &[u8]| {
    let ops = op::all::<Generic>();
    let file = Aligned::new(&seal(data));
    let Ok(model) = Model::parse(file.bytes(), &ops) else { return };
    let macs = model.steps().fold(0u64, |sum, s| sum.saturating_add(s.macs()));
    if model.arena_len() > MAX_ARENA || model.state_len() > MAX_ARENA || macs > MAX_MACS {
        return;
    }
    // The arena begins with the file's own bytes, so that computed indices and counts are hostile, too.
    let mut arena: Vec<u128> = vec![0; model.arena_len().div_ceil(16)];
    let mut state: Vec<u128> = vec![0; model.state_len().div_ceil(16)];
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut arena);
    bytes.iter_mut().zip(data.iter().rev().cycle()).for_each(|(a, &d)| *a = d);
    let Ok(mut session) = Session::new(&model, bytes, bytemuck::cast_slice_mut(&mut state)) else { return };
    session.run();
    let _ = session.output_crc();
    let _ = session.self_test();
});
