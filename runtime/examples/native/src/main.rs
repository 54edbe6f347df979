//! `siskin-native MODEL RUNS DIR`: draws inputs for `RUNS` runs, writes them to `DIR/inputs` and what they give to
//! `DIR/expected`.
//!
//! White noise drives a classifier to the same answer every time, so inputs differ in offset, strength and grain.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use siskin::Memory;
use siskin::format::Prng;
use siskin_board::parity::{ARENA_LEN, MODEL_LEN, MONITOR_LEN, STATE_LEN, serve};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = env::args().collect();
    let [_, model, runs, dir] = &args[..] else { return Err("usage: siskin-native MODEL RUNS DIR".into()) };
    let (runs, dir): (u32, _) = (runs.parse()?, Path::new(dir));

    let read = fs::read(model)?;
    let mut file = Box::new(Memory::<MODEL_LEN>::new());
    let file = file.bytes().get_mut(..read.len()).ok_or("the model is too long for the firmware's memory")?;
    file.copy_from_slice(&read);

    let (mut arena, mut state) = (Box::new(Memory::<ARENA_LEN>::new()), Box::new(Memory::<STATE_LEN>::new()));
    let mut monitor = Box::new(Memory::<MONITOR_LEN>::new());
    let (mut inputs, mut outputs, mut drawn) = (Vec::new(), Vec::new(), 0);
    let draw = |input: &mut [u8]| {
        if drawn == runs {
            return 0;
        }
        drawn += 1;
        fill(input, drawn);
        inputs.extend_from_slice(input);
        input.len()
    };
    serve(file, arena.bytes(), state.bytes(), monitor.bytes(), draw, |bytes| outputs.extend_from_slice(bytes))?;
    fs::write(dir.join("inputs"), inputs)?;
    fs::write(dir.join("expected"), outputs)?;
    Ok(())
}

/// Steps of `grain` equal values around an offset, up to `strength` away from it.
fn fill(input: &mut [u8], seed: u32) {
    let mut prng = Prng::new(seed.into());
    let offset = i32::from(prng.next_u8().cast_signed());
    let strength = 1 << (prng.next_u8() % 8);
    let grain = 1 + usize::from(prng.next_u8()) % 64;
    for step in input.chunks_mut(grain) {
        let value = offset + i32::from(prng.next_u8().cast_signed()) * strength / 128;
        step.fill(value.clamp(-128, 127) as i8 as u8);
    }
}
