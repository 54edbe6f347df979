//! `prepared MODEL WIDTH HEIGHT` or `prepared MODEL RATE`: what a native program gives for the pixels (four bytes
//! each) or the samples (`f32`, little-endian) on standard input, as `f32` on standard output. The npm package's
//! tests compare with it.

use core::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::{env, fs};

use siskin::prepare::{Features, Picture, resample, resampled_len};
use siskin::{Generic, Model, Preparation, Session, op};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = env::args().skip(1).collect();
    let (model, numbers) = args.split_first().ok_or("usage: prepared MODEL WIDTH HEIGHT | prepared MODEL RATE")?;
    let numbers: Vec<u32> = numbers.iter().map(|n| n.parse()).collect::<Result<_, _>>()?;
    let mut given = Vec::new();
    stdin().read_to_end(&mut given)?;

    let mut file = aligned(&fs::read(model)?);
    let model = Model::parse(file.bytes(), &op::all::<Generic>())?;
    let (mut arena, mut state) = (aligned(&vec![0; model.arena_len()]), aligned(&vec![0; model.state_len()]));
    let mut session = Session::new(&model, arena.bytes(), state.bytes())?;
    match numbers[..] {
        [width, height] => session.write_picture(0, &Picture::new(&given, width, height, 4)?)?,
        [rate] => session.write_f32(0, &features(&model, &given, rate)?)?,
        _ => return Err("one number is a rate, two are width and height".into()),
    }
    session.run();

    let len = model.outputs().next().ok_or("the model has no output")?.shape.elements();
    let mut output = vec![0.0; len];
    session.read_f32(0, &mut output)?;
    Ok(stdout().write_all(bytemuck::cast_slice(&output))?)
}

fn features(model: &Model<'_>, given: &[u8], rate: u32) -> Result<Vec<f32>, Box<dyn Error>> {
    let Some(Preparation::Audio(record)) = model.preparation(0) else {
        return Err("the file says nothing of sound".into());
    };
    let samples: Vec<f32> = given.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let mut heard = vec![0.0; resampled_len(samples.len(), rate, record.rate)];
    resample(&samples, rate, record.rate, &mut heard)?;
    let mut memory = vec![0.0; Features::memory_len(&record)];
    let mut out = vec![0.0; record.frames() as usize * usize::from(record.features())];
    Features::new(&record, &mut memory)?.clip(&heard, &mut out)?;
    Ok(out)
}

/// Bytes that begin at a multiple of 16.
struct Aligned(Vec<u128>, usize);

fn aligned(bytes: &[u8]) -> Aligned {
    let mut blocks = vec![0u128; bytes.len().div_ceil(16)];
    bytemuck::cast_slice_mut(&mut blocks)[..bytes.len()].copy_from_slice(bytes);
    Aligned(blocks, bytes.len())
}

impl Aligned {
    fn bytes(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.0)[..self.1]
    }
}
