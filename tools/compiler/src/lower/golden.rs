//! Golden vectors: runs seeded inputs through the file and records what comes out.

use super::{Extras, LowerError};
use crate::run::Loaded;
use siskin_format::{Golden, GoldenRecord};

/// Values of the first output that a float model's vector stores.
const SAMPLES: usize = 16;

/// The golden section of a file that has none yet.
pub(super) fn golden(loaded: &mut Loaded, extras: &Extras) -> Result<Vec<u8>, LowerError> {
    let model = loaded.model()?;
    let inputs = model.inputs().count();
    let ranges: Vec<[f32; 2]> = (0..inputs).map(|i| extras.ranges.get(i).copied().unwrap_or([-1.0, 1.0])).collect();
    let exact = model.steps().all(|s| s.outputs().iter().all(|&t| s.ty(t).is_some_and(|t| !t.dtype.is_float())));
    let mut session = loaded.session()?;
    let mut bytes = Vec::new();
    for i in 0..extras.goldens {
        let mut record = GoldenRecord { seed: u64::from(i), crc: 0, samples: 0, exact: u8::from(exact), reserved: 0 };
        session.fill_golden(&Golden { record: &record, ranges: &ranges, samples: &[] });
        session.run();
        record.crc = session.output_crc();
        let samples = if exact { Vec::new() } else { samples(session.output::<f32>(0).unwrap_or(&[])) };
        record.samples = samples.len() as u16;
        bytes.extend_from_slice(bytemuck::bytes_of(&record));
        bytes.extend_from_slice(bytemuck::cast_slice(&ranges));
        bytes.extend_from_slice(bytemuck::cast_slice(&samples));
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    Ok(bytes)
}

/// At most [`SAMPLES`] values at even distances, as the self-test reads them.
fn samples(y: &[f32]) -> Vec<f32> {
    let count = y.len().min(SAMPLES);
    let stride = y.len().checked_div(count).unwrap_or(1).max(1);
    y.iter().step_by(stride).take(count).copied().collect()
}
