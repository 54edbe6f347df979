//! Sound becomes features: log-mel bands or cepstral coefficients, frame by frame.
//!
//! ```text
//! frame · window -> |FFT|^power -> triangles in mel -> log -> (cosine transform) -> (v - mean) / std
//! ```
//!
//! Tables are computed once, in the caller's memory. A bin of the spectrum lies between two corners of triangles, so it
//! counts for two bands at most; a table holds the corner below plus how far above it the bin is.

use super::mel::{hertz, mel};
use crate::Error;
use siskin_format::AudioRecord;
use siskin_kernels::generic::{fft, fft_twiddles};
use siskin_kernels::{double, math};

/// The features of one stream of sound.
#[derive(Debug)]
pub struct Features<'m> {
    record: AudioRecord,
    window: &'m mut [f32],
    twiddles: &'m mut [[f32; 2]],
    spectrum: &'m mut [[f32; 2]],
    /// For each bin: the number of the corner below it, plus the way to the next, below 1. Negative outside all bands.
    bins: &'m mut [f32],
    /// What each band's sum is multiplied by.
    areas: &'m mut [f32],
    bands: &'m mut [f32],
    /// `cos(π · k / (2 · mels))`.
    cosines: &'m mut [f32],
}

impl<'m> Features<'m> {
    /// The `f32`s of memory that features need.
    #[must_use]
    pub const fn memory_len(record: &AudioRecord) -> usize {
        let [window, twiddles, spectrum, bins, mels, cosines] = lengths(record);
        window + 2 * twiddles + 2 * spectrum + bins + 2 * mels + cosines
    }

    /// Computes the tables.
    ///
    /// # Errors
    /// [`Error::Length`] with the `f32`s needed, if the memory is too short.
    pub fn new(record: &AudioRecord, memory: &'m mut [f32]) -> Result<Features<'m>, Error> {
        let needed = Error::Length(u32::try_from(Features::memory_len(record)).unwrap_or(u32::MAX));
        let [window, twiddles, spectrum, bins, mels, cosines] = lengths(record);
        let mut rest = memory;
        let mut take = |len: usize| -> Result<&'m mut [f32], Error> {
            let (taken, left) = core::mem::take(&mut rest).split_at_mut_checked(len).ok_or(needed)?;
            rest = left;
            Ok(taken)
        };
        let mut features = Features {
            record: *record,
            window: take(window)?,
            twiddles: take(2 * twiddles)?.as_chunks_mut().0,
            spectrum: take(2 * spectrum)?.as_chunks_mut().0,
            bins: take(bins)?,
            areas: take(mels)?,
            bands: take(mels)?,
            cosines: take(cosines)?,
        };
        features.tabulate();
        Ok(features)
    }

    fn tabulate(&mut self) {
        let AudioRecord { shape, window, rate, fft, .. } = self.record;
        // A periodic window is a symmetric one of one sample more, cut.
        let period = if shape & 4 == 0 { window } else { window.saturating_sub(1).max(1) };
        let (base, swing) =
            [(1.0, 0.0), (0.5, 0.5), (0.54, 0.46)].get(usize::from(shape & 3)).copied().unwrap_or((1.0, 0.0));
        for (n, w) in self.window.iter_mut().enumerate() {
            let angle = core::f64::consts::TAU * n as f64 / f64::from(period);
            *w = (base - swing * double::cos(angle)) as f32;
        }
        fft_twiddles(self.twiddles);
        let scale = Scale::of(&self.record);
        for (k, bin) in self.bins.iter_mut().enumerate() {
            *bin = scale.place(k as f32 * rate as f32 / fft as f32);
        }
        for (m, area) in self.areas.iter_mut().enumerate() {
            let width = scale.corner(m.wrapping_add(2)) - scale.corner(m);
            *area = if self.record.scale & 4 == 0 { 1.0 } else { 2.0 / width };
        }
        let turn = core::f64::consts::TAU / self.cosines.len().max(1) as f64;
        for (k, c) in self.cosines.iter_mut().enumerate() {
            *c = double::cos(turn * k as f64) as f32;
        }
    }

    /// How the features are made.
    #[must_use]
    pub const fn record(&self) -> &AudioRecord {
        &self.record
    }

    /// The features of one frame of samples, -1 to 1; a short frame is filled with silence. Writes at most as many as
    /// `out` holds; [`AudioRecord::features`] are there.
    pub fn frame(&mut self, samples: impl Iterator<Item = f32>, out: &mut [f32]) {
        self.spectrum.fill([0.0; 2]);
        for ((x, w), s) in self.spectrum.iter_mut().zip(self.window.iter()).zip(samples) {
            *x = [s * self.record.gain * w, 0.0];
        }
        fft(self.spectrum, self.twiddles);
        self.sum_bands();
        let AudioRecord { dct, mean, std, .. } = self.record;
        for (k, y) in out.iter_mut().take(self.record.features().into()).enumerate() {
            let v = if dct == 0 { self.bands.get(k).copied().unwrap_or(0.0) } else { self.coefficient(k) };
            *y = (v - mean) / std;
        }
    }

    fn sum_bands(&mut self) {
        self.bands.fill(0.0);
        for (x, &bin) in self.spectrum.iter().zip(self.bins.iter()).filter(|(_, bin)| **bin >= 0.0) {
            let power = x[0] * x[0] + x[1] * x[1];
            let value = if self.record.power == 2 { power } else { libm::sqrtf(power) };
            let corner = bin as usize;
            let rise = bin - corner as f32;
            if let Some(band) = self.bands.get_mut(corner) {
                *band += value * rise;
            }
            if let Some(band) = corner.checked_sub(1).and_then(|below| self.bands.get_mut(below)) {
                *band += value * (1.0 - rise);
            }
        }
        let AudioRecord { offset, floor, log, .. } = self.record;
        for (band, area) in self.bands.iter_mut().zip(self.areas.iter()) {
            let v = *band * area + offset;
            let v = if v > floor { v } else { floor };
            *band = match log {
                0 => v,
                1 => libm::logf(v),
                2 => math::log10(v),
                _ => 10.0 * math::log10(v),
            };
        }
    }

    /// The cosine transform at `k`.
    fn coefficient(&self, k: usize) -> f32 {
        let period = self.cosines.len().max(1);
        let sum = self.bands.iter().enumerate().fold(0.0f32, |sum, (m, band)| {
            let at = k.wrapping_mul(m.wrapping_mul(2).wrapping_add(1)).checked_rem(period).unwrap_or(0);
            sum + band * self.cosines.get(at).copied().unwrap_or(0.0)
        });
        let weight = if k == 0 && self.record.dct == 1 { 1.0 } else { 2.0 };
        sum * libm::sqrtf(weight / self.bands.len().max(1) as f32)
    }

    /// The features of a clip, in the order of the model's input: `frames · features` values. A short clip is filled
    /// with silence, of a long one the beginning counts.
    ///
    /// # Errors
    /// [`Error::Length`] with the values needed, if `out` has another length.
    pub fn clip(&mut self, samples: &[f32], out: &mut [f32]) -> Result<(), Error> {
        let (frames, count) = (self.record.frames() as usize, usize::from(self.record.features()));
        let needed = frames.wrapping_mul(count);
        if out.len() != needed {
            return Err(Error::Length(u32::try_from(needed).unwrap_or(u32::MAX)));
        }
        let samples = samples.get(..self.record.samples as usize).unwrap_or(samples);
        for (t, row) in out.chunks_exact_mut(count.max(1)).enumerate() {
            let start = t.wrapping_mul(self.record.hop as usize);
            self.frame(samples.get(start..).unwrap_or(&[]).iter().copied(), row);
        }
        if self.record.features_first == 1 {
            transpose(out, count);
        }
        Ok(())
    }
}

/// Lengths of window, twiddles, spectrum, bins, bands, cosines.
const fn lengths(record: &AudioRecord) -> [usize; 6] {
    let (fft, mels) = (record.fft as usize, record.mels as usize);
    let cosines = if record.dct == 0 { 0 } else { 4 * mels };
    [record.window as usize, fft / 2, fft, fft / 2 + 1, mels, cosines]
}

/// Corners of triangles.
struct Scale {
    slaney: bool,
    /// Whether triangles are straight in mel.
    straight: bool,
    low: f32,
    /// From one corner to the next, in mel.
    step: f32,
    corners: usize,
}

impl Scale {
    fn of(record: &AudioRecord) -> Scale {
        let slaney = record.scale & 1 != 0;
        let (low, high) = (mel(slaney, record.low), mel(slaney, record.high));
        let corners = usize::from(record.mels).wrapping_add(2);
        let step = (high - low) / corners.saturating_sub(1).max(1) as f32;
        Scale { slaney, straight: record.scale & 2 != 0, low, step, corners }
    }

    /// The frequency of corner `i`.
    fn corner(&self, i: usize) -> f32 {
        hertz(self.slaney, self.low + i as f32 * self.step)
    }

    /// The corner below a frequency, plus the way to the next; -1 outside.
    fn place(&self, hz: f32) -> f32 {
        let place = (mel(self.slaney, hz) - self.low) / self.step;
        if !(place >= 0.0 && place < self.corners.saturating_sub(1) as f32) {
            return -1.0;
        }
        if self.straight {
            return place;
        }
        let below = place as usize;
        let (from, to) = (self.corner(below), self.corner(below.wrapping_add(1)));
        let way = (hz - from) / (to - from);
        // A bin at a corner may fall to either side by rounding; it must not fall to the corner after.
        below as f32 + if way < 0.0 { 0.0 } else { way.min(0.999_999) }
    }
}

/// Rows of `columns` become columns, in place: each cycle of the permutation is turned once.
fn transpose(x: &mut [f32], columns: usize) {
    let last = x.len().saturating_sub(1);
    let from = |to: usize| to.wrapping_mul(columns).checked_rem(last).unwrap_or(0);
    for start in 1..last {
        // From its least place.
        let mut at = from(start);
        while at > start {
            at = from(at);
        }
        if at < start {
            continue;
        }
        let mut to = start;
        while from(to) != start {
            x.swap(to, from(to));
            to = from(to);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;
    use std::vec::Vec;

    const RECORD: AudioRecord = AudioRecord {
        rate: 16_000,
        samples: 1_600,
        window: 480,
        hop: 320,
        fft: 512,
        mels: 40,
        coefficients: 0,
        low: 20.0,
        high: 4000.0,
        gain: 1.0,
        offset: 1e-6,
        floor: 0.0,
        mean: 0.0,
        std: 1.0,
        shape: 1,
        power: 1,
        scale: 2,
        log: 1,
        dct: 0,
        features_first: 0,
        reserved: 0,
    };

    fn clip(record: &AudioRecord, samples: &[f32]) -> Vec<f32> {
        let mut memory = vec![0.0; Features::memory_len(record)];
        let mut out = vec![0.0; record.frames() as usize * usize::from(record.features())];
        Features::new(record, &mut memory).unwrap().clip(samples, &mut out).unwrap();
        out
    }

    fn tone(hz: f32) -> Vec<f32> {
        (0..1600).map(|n| libm::sinf(core::f32::consts::TAU * hz * n as f32 / 16_000.0)).collect()
    }

    #[test]
    fn a_tone_is_loudest_in_its_own_band() {
        for scale in [0u8, 2, 1, 4] {
            let record = AudioRecord { scale, ..RECORD };
            for hz in [300.0f32, 1000.0, 3000.0] {
                let bands = clip(&record, &tone(hz));
                let loudest = (0..40).max_by(|&a, &b| bands[a].total_cmp(&bands[b])).unwrap();
                let place = Scale::of(&record).place(hz);
                assert!((loudest as f32 + 1.0 - place).abs() <= 1.0, "{hz} Hz lies at {place}, loudest is {loudest}");
            }
        }
    }

    /// Values of `tf.signal` (TensorFlow 2.21) and of librosa 0.11 for the same samples.
    #[test]
    fn equals_what_others_compute() {
        let samples: Vec<f32> = (0..1600i64).map(|n| ((n * n * 7 + n * 13) % 2001 - 1000) as f32 / 1000.0).collect();
        let close = |got: &[f32], want: &[f32]| {
            got.iter().zip(want).for_each(|(g, w)| assert!((g - w).abs() < 5e-4, "{g} is not {w}"));
        };
        let cepstra = clip(&AudioRecord { coefficients: 10, dct: 2, ..RECORD }, &samples);
        let want =
            [25.0385f32, -3.5729, 0.0149185, -0.934807, -0.871991, 0.130518, 0.978985, -0.127703, 0.0726985, -0.223367];
        close(&cepstra[10..20], &want);

        let librosa = AudioRecord { window: 512, hop: 160, low: 0.0, high: 8000.0, ..RECORD };
        let librosa = AudioRecord { offset: 0.0, floor: 1e-10, power: 2, scale: 5, log: 3, ..librosa };
        let bands: Vec<f32> = clip(&librosa, &samples)[120..160].iter().step_by(5).copied().collect();
        close(&bands, &[8.67008, 7.13535, 1.3522, 0.236675, 4.27779, 5.19969, 4.88389, 3.06895]);
    }

    #[test]
    fn silence_is_the_logarithm_of_the_offset() {
        let bands = clip(&RECORD, &[]);
        assert_eq!(bands.len(), 4 * 40);
        assert!(bands.iter().all(|&b| b == libm::logf(1e-6)));
        let decibels = clip(&AudioRecord { offset: 0.0, floor: 1e-10, log: 3, ..RECORD }, &[]);
        assert!(decibels.iter().all(|&b| (b + 100.0).abs() < 1e-4));
    }

    #[test]
    fn features_first_is_the_transpose() {
        let samples = tone(440.0);
        let cepstra = AudioRecord { coefficients: 10, dct: 1, ..RECORD };
        let (rows, columns) = (clip(&cepstra, &samples), clip(&AudioRecord { features_first: 1, ..cepstra }, &samples));
        for t in 0..4 {
            for k in 0..10 {
                assert_eq!(rows[t * 10 + k], columns[k * 4 + t], "frame {t}, coefficient {k}");
            }
        }
    }

    #[test]
    fn says_how_much_memory_it_needs() {
        let needed = Features::memory_len(&RECORD);
        assert_eq!(Features::new(&RECORD, &mut vec![0.0; needed - 1]).unwrap_err(), Error::Length(needed as u32));
        let mut memory = vec![0.0; needed];
        let mut features = Features::new(&RECORD, &mut memory).unwrap();
        assert_eq!(features.clip(&[], &mut [0.0; 9]), Err(Error::Length(160)));
    }
}
