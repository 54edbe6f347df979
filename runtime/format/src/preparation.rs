//! How an input is made from what a camera or a microphone gives.
//!
//! ```text
//! section: entry | body | entry | body | …        an entry tells which input, which kind, how many words of body
//! ```
//!
//! The section is ignorable: a model runs without it, on inputs that the caller makes. What the numbers mean is for
//! the runtime's `prepare` to compute; here they are only checked.

use bytemuck::{Pod, Zeroable};

/// What precedes each body, as it lies in the file.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Entry {
    /// The input, counted in the model's order.
    input: u16,
    /// 1 image, 2 audio; a reader passes over others.
    kind: u8,
    /// `u32`s of the body.
    words: u8,
}

/// How a picture becomes an input: scaled, then `(x - mean) / std` for each channel, `x` from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct ImageRecord {
    /// Subtracted, by channel in the input's order.
    pub mean: [f32; 4],
    /// Divides after that; negative where dark is to be great.
    pub std: [f32; 4],
    /// 0 a triangle that widens as the picture shrinks (antialiased), 1 bilinear between neighbours, 2 nearest.
    pub filter: u8,
    /// 0 stretched to the input's height and width, 1 cut at the longer side, 2 padded at the shorter side.
    pub fit: u8,
    /// 0 if channels are the input's last axis, 1 if they are the first after the batch.
    pub channels_first: u8,
    /// 0 if three channels are red, green, blue; 1 if the other way round.
    pub blue_first: u8,
}

impl ImageRecord {
    const KIND: u8 = 1;

    fn is_valid(&self) -> bool {
        let ImageRecord { filter, fit, channels_first, blue_first, .. } = *self;
        let divides = |s: &f32| s.is_finite() && *s != 0.0;
        let numbers = self.mean.iter().all(|m| m.is_finite()) && self.std.iter().all(divides);
        numbers && filter <= 2 && fit <= 2 && channels_first <= 1 && blue_first <= 1
    }
}

/// How sound becomes an input: frames, spectra, mel bands, logarithms and, if asked for, cepstral coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct AudioRecord {
    /// Samples a second.
    pub rate: u32,
    /// Samples of a clip.
    pub samples: u32,
    /// Samples of a frame.
    pub window: u32,
    /// Samples from one frame to the next.
    pub hop: u32,
    /// Points of the Fourier transform, a power of two: frames are padded with zeros.
    pub fft: u32,
    /// Mel bands.
    pub mels: u16,
    /// Cepstral coefficients kept, from the first; 0 if the bands themselves are the features.
    pub coefficients: u16,
    /// Hz at which the first band begins.
    pub low: f32,
    /// Hz at which the last band ends.
    pub high: f32,
    /// Multiplies the samples, which are -1 to 1.
    pub gain: f32,
    /// Added to a band before the logarithm.
    pub offset: f32,
    /// The least value of a band before the logarithm.
    pub floor: f32,
    /// Subtracted from every feature.
    pub mean: f32,
    /// Divides after that.
    pub std: f32,
    /// 0 none, 1 Hann, 2 Hamming; with 4 added: symmetric instead of periodic.
    pub shape: u8,
    /// 1 magnitude, 2 power.
    pub power: u8,
    /// Bit 0: Slaney's mel scale instead of HTK's. Bit 1: bands rise and fall linearly in mel instead of Hz.
    /// Bit 2: bands of equal area.
    pub scale: u8,
    /// 0 none, 1 natural, 2 base ten, 3 decibels.
    pub log: u8,
    /// 0 none, 1 orthonormal, 2 HTK's, which scales the first coefficient as the others.
    pub dct: u8,
    /// 0 if the input is `[frames, features]`, 1 if `[features, frames]`.
    pub features_first: u8,
    /// Zero.
    pub reserved: u16,
}

impl AudioRecord {
    const KIND: u8 = 2;
    /// The longest Fourier transform.
    pub const MAX_FFT: u32 = 8192;
    /// The longest clip, in samples.
    pub const MAX_SAMPLES: u32 = 1 << 24;

    fn is_valid(&self) -> bool {
        let sizes = self.rate > 0
            && (1..=self.fft).contains(&self.window)
            && (self.window..=AudioRecord::MAX_SAMPLES).contains(&self.samples)
            && self.hop > 0
            && self.fft.is_power_of_two()
            && (2..=AudioRecord::MAX_FFT).contains(&self.fft)
            && (1..=1024).contains(&self.mels)
            && self.coefficients <= self.mels;
        let numbers = [self.low, self.high, self.gain, self.offset, self.floor, self.mean, self.std];
        let bands = 0.0 <= self.low && self.low < self.high && self.floor >= 0.0 && self.offset >= 0.0;
        let choices = matches!(self.shape, 0..=2 | 5 | 6)
            && matches!(self.power, 1 | 2)
            && self.scale < 8
            && self.log <= 3
            && self.dct <= 2
            && (self.dct == 0) == (self.coefficients == 0)
            && self.features_first <= 1
            && self.reserved == 0;
        sizes && numbers.iter().all(|v| v.is_finite()) && self.std != 0.0 && bands && choices
    }

    /// Frames of a clip.
    #[must_use]
    pub const fn frames(&self) -> u32 {
        match self.samples.saturating_sub(self.window).checked_div(self.hop) {
            Some(n) => n.saturating_add(1),
            None => 0,
        }
    }

    /// Features of a frame.
    #[must_use]
    pub const fn features(&self) -> u16 {
        if self.coefficients == 0 { self.mels } else { self.coefficients }
    }
}

/// How one input is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preparation {
    /// From a picture.
    Image(ImageRecord),
    /// From sound.
    Audio(AudioRecord),
}

impl Preparation {
    /// Whether every number is one that `prepare` computes with.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        match self {
            Preparation::Image(record) => record.is_valid(),
            Preparation::Audio(record) => record.is_valid(),
        }
    }

    /// The preparation of input `input` in a section; nothing if there is none that this version knows.
    pub(crate) fn find(mut section: &[u8], input: u16) -> Option<Preparation> {
        loop {
            let (entry, rest) = section.split_at_checked(size_of::<Entry>())?;
            let entry: Entry = bytemuck::pod_read_unaligned(entry);
            let (body, rest) = rest.split_at_checked(usize::from(entry.words).checked_mul(4)?)?;
            section = rest;
            if entry.input == input
                && let Some(found) = Preparation::read(entry.kind, body)
            {
                return Some(found);
            }
        }
    }

    fn read(kind: u8, body: &[u8]) -> Option<Preparation> {
        let found = match kind {
            ImageRecord::KIND => Preparation::Image(bytemuck::try_pod_read_unaligned(body).ok()?),
            AudioRecord::KIND => Preparation::Audio(bytemuck::try_pod_read_unaligned(body).ok()?),
            _ => return None,
        };
        found.is_valid().then_some(found)
    }

    /// Appends the preparation of input `input` to a section.
    #[cfg(feature = "write")]
    pub fn write(&self, input: u16, section: &mut alloc::vec::Vec<u8>) {
        let (kind, body) = match self {
            Preparation::Image(record) => (ImageRecord::KIND, bytemuck::bytes_of(record)),
            Preparation::Audio(record) => (AudioRecord::KIND, bytemuck::bytes_of(record)),
        };
        let words = u8::try_from(body.len().div_ceil(4)).unwrap_or(0);
        section.extend_from_slice(bytemuck::bytes_of(&Entry { input, kind, words }));
        section.extend_from_slice(body);
    }
}

#[cfg(all(test, feature = "write"))]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    pub(crate) const AUDIO: AudioRecord = AudioRecord {
        rate: 16_000,
        samples: 16_000,
        window: 480,
        hop: 320,
        fft: 512,
        mels: 40,
        coefficients: 10,
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
        dct: 2,
        features_first: 0,
        reserved: 0,
    };
    const IMAGE: ImageRecord =
        ImageRecord { mean: [0.0; 4], std: [255.0; 4], filter: 0, fit: 1, channels_first: 0, blue_first: 0 };

    #[test]
    fn finds_what_was_written_and_passes_over_other_kinds() {
        let mut section = Vec::new();
        section.extend_from_slice(&[1, 0, 99, 1, 0, 0, 0, 0]);
        Preparation::Image(IMAGE).write(0, &mut section);
        Preparation::Audio(AUDIO).write(1, &mut section);
        assert_eq!(Preparation::find(&section, 0), Some(Preparation::Image(IMAGE)));
        assert_eq!(Preparation::find(&section, 1), Some(Preparation::Audio(AUDIO)));
        assert_eq!(Preparation::find(&section, 2), None);
        for end in 0..section.len() {
            assert_eq!(Preparation::find(section.get(..end).unwrap_or(&[]), 1), None, "cut at {end}");
        }
        assert_eq!((AUDIO.frames(), AUDIO.features()), (49, 10));
    }

    #[test]
    fn refuses_numbers_that_nothing_can_be_computed_with() {
        let audio = |change: fn(&mut AudioRecord)| {
            let mut record = AUDIO;
            change(&mut record);
            Preparation::Audio(record).is_valid()
        };
        assert!(audio(|_| {}));
        assert!(!audio(|r| r.fft = 500));
        assert!(!audio(|r| r.window = 513));
        assert!(!audio(|r| r.hop = 0));
        assert!(!audio(|r| r.samples = 479));
        assert!(!audio(|r| r.high = 20.0));
        assert!(!audio(|r| r.std = 0.0));
        assert!(!audio(|r| r.dct = 0));
        assert!(!audio(|r| r.shape = 3));
        assert!(!audio(|r| r.gain = f32::NAN));
        assert!(!Preparation::Image(ImageRecord { std: [1.0, 0.0, 1.0, 1.0], ..IMAGE }).is_valid());
        assert!(!Preparation::Image(ImageRecord { fit: 3, ..IMAGE }).is_valid());
    }
}
