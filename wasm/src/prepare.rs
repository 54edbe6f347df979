//! Inputs from pictures and sound, as the file says: the runtime's `prepare`, with memory for it.

use crate::memory::zeroed;
use alloc::vec::Vec;
use siskin::prepare::{Features, Picture, resample, resampled_len};
use siskin::{Preparation, Session};

/// Makes input `i` from pixels: `height` rows of `width`, four bytes each. Nothing if the file does not say how.
pub(crate) fn picture(session: &mut Session<'_>, i: usize, pixels: &[u8], width: u32, height: u32) -> Option<()> {
    let pixels = Picture::new(pixels, width, height, 4).ok()?;
    session.write_picture(i, &pixels).ok()
}

/// Makes input `i` from samples, -1 to 1, of one channel. Nothing if the file does not say how or memory is short.
pub(crate) fn sound(session: &mut Session<'_>, i: usize, samples: &[f32], rate: u32) -> Option<()> {
    let Some(Preparation::Audio(record)) = session.model().preparation(i) else { return None };
    // Beyond the clip, a second is more than the resampler looks ahead.
    let enough = resampled_len(record.samples as usize, record.rate, rate).saturating_add(rate as usize);
    let samples = samples.get(..enough).unwrap_or(samples);
    let mut heard = reals(resampled_len(samples.len(), rate, record.rate))?;
    resample(samples, rate, record.rate, &mut heard).ok()?;
    let mut memory = reals(Features::memory_len(&record))?;
    let mut features = reals((record.frames() as usize).checked_mul(record.features().into())?)?;
    Features::new(&record, &mut memory).ok()?.clip(&heard, &mut features).ok()?;
    session.write_f32(i, &features).ok()
}

fn reals(len: usize) -> Option<Vec<f32>> {
    zeroed(len.checked_mul(size_of::<f32>())?)
}
