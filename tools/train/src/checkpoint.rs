//! Checkpoints: what an interrupted training goes on from.
//!
//! An `.npz` that numpy opens: `key` is the digest of model, data and options, `losses` has one number an epoch, `p0`, `m0`, `v0` are the
//! first parameter with its optimizer's two memories, and so on. It appears whole or not at all.

use crate::TrainError;
use crate::optimizer::Parameter;
use sha2::{Digest, Sha256};
use siskin_compiler::data::{Array, ArrayData, read_npz, write_npz};
use std::path::Path;

/// The digest of what a training is made of.
#[derive(Clone, Default)]
pub(crate) struct Key(Sha256);

impl Key {
    /// Adds bytes, and how many there are.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(&self) -> Vec<u8> {
        self.0.clone().finalize().to_vec()
    }
}

/// Writes a checkpoint.
///
/// # Errors
/// [`TrainError::Data`] with the path.
pub(crate) fn write(path: &Path, key: &Key, losses: &[f64], parameters: &[&mut Parameter]) -> Result<(), TrainError> {
    let array = |name: String, data: ArrayData| (name, Array { shape: vec![data.len()], data });
    let mut arrays =
        vec![array("key".into(), ArrayData::U8(key.finish())), array("losses".into(), ArrayData::F64(losses.to_vec()))];
    for (i, p) in parameters.iter().enumerate() {
        for (name, values) in [("p", &p.values), ("m", &p.first), ("v", &p.second)] {
            arrays.push(array(format!("{name}{i}"), ArrayData::F32(values.clone())));
        }
    }
    Ok(write_npz(path, &arrays)?)
}

/// Reads a checkpoint into `parameters`; returns the losses so far, or nothing if it is of another training.
///
/// # Errors
/// [`TrainError::Data`] with the path.
pub(crate) fn read(path: &Path, key: &Key, parameters: &mut [&mut Parameter]) -> Result<Option<Vec<f64>>, TrainError> {
    let arrays = read_npz(path)?;
    let find = |name: &str| arrays.iter().find(|(n, _)| n == name).map(|(_, a)| &a.data);
    if find("key") != Some(&ArrayData::U8(key.finish())) {
        return Ok(None);
    }
    for (i, p) in parameters.iter_mut().enumerate() {
        for (name, values) in [("p", &mut p.values), ("m", &mut p.first), ("v", &mut p.second)] {
            if let Some(ArrayData::F32(found)) = find(&format!("{name}{i}")).filter(|f| f.len() == values.len()) {
                values.copy_from_slice(found);
            }
        }
    }
    Ok(match find("losses") {
        Some(ArrayData::F64(losses)) => Some(losses.clone()),
        _ => None,
    })
}
