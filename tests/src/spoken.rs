//! Spoken digits, from the Free Spoken Digit Dataset, as log-mel energies.

use siskin::prepare::{AudioRecord, Features};
use std::io::Read;
use std::path::Path;

/// Stretches of equal length that a clip is cut into, and bands of each.
pub const SHAPE: [usize; 2] = [STRETCHES, BANDS as usize];
const STRETCHES: usize = 12;
const BANDS: u16 = 16;

/// One spoken digit.
#[derive(Clone, Debug)]
pub struct Clip {
    /// What was said, 0 to 9.
    pub digit: usize,
    /// Who said it.
    pub speaker: String,
    /// The number of this recording among those of its speaker and digit.
    pub take: usize,
    /// The logarithms of energies, stretch after stretch.
    pub bands: Vec<f32>,
}

/// Every clip of `data/fsdd.zip`, in the order of the archive.
#[must_use]
pub fn clips(shared: &Path) -> Vec<Clip> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(shared.join("data/fsdd.zip")).unwrap()).unwrap();
    let record = record();
    (0..archive.len())
        .map(|i| {
            let mut file = archive.by_index(i).unwrap();
            let name = file.name().trim_end_matches(".wav").to_string();
            let [digit, speaker, take] = name.split('_').collect::<Vec<_>>()[..] else { panic!("a clip named {name}") };
            let (digit, take) = (digit.parse().unwrap(), take.parse().unwrap());
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            Clip { digit, speaker: speaker.into(), take, bands: bands(&record, &samples(&bytes)) }
        })
        .collect()
}

fn record() -> AudioRecord {
    AudioRecord {
        rate: 8000,
        samples: 8000,
        window: 256,
        hop: 128,
        fft: 256,
        mels: BANDS,
        low: 60.0,
        high: 4000.0,
        gain: 1.0,
        offset: 1e-4,
        std: 1.0,
        shape: 1,
        power: 2,
        log: 1,
        ..bytemuck::Zeroable::zeroed()
    }
}

/// The samples of a mono WAV of 16 bits.
fn samples(wav: &[u8]) -> Vec<f32> {
    let data = wav.windows(4).position(|w| w == b"data").unwrap() + 8;
    wav[data..].chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect()
}

/// Energies by frame, averaged over the stretches.
fn bands(record: &AudioRecord, samples: &[f32]) -> Vec<f32> {
    let mut memory = vec![0.0; Features::memory_len(record)];
    let mut features = Features::new(record, &mut memory).unwrap();
    let frames: Vec<Vec<f32>> = samples
        .windows(record.window as usize)
        .step_by(record.hop as usize)
        .map(|frame| {
            let mut out = vec![0.0; record.mels.into()];
            features.frame(frame.iter().copied(), &mut out);
            out
        })
        .collect();
    let each = |s: usize| {
        let from = (s * frames.len() / STRETCHES).min(frames.len() - 1);
        let to = ((s + 1) * frames.len() / STRETCHES).max(from + 1);
        let part = &frames[from..to];
        (0..usize::from(record.mels))
            .map(|b| part.iter().map(|f| f[b]).sum::<f32>() / part.len() as f32)
            .collect::<Vec<_>>()
    };
    (0..STRETCHES).flat_map(each).collect()
}
