//! Packed artifacts: every part of a file entropy-coded as what its numbers look like.

use crate::ledger::{Entry, entries, parts};
use crate::run::Loaded;
use siskin_format::{Contexts, FormatError, PackedSegment, unpacked_len};
use std::borrow::Cow;

/// A packed artifact.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The file.
    pub file: Vec<u8>,
    /// Where its bytes went, to the last one, by the parts of the artifact.
    pub ledger: Vec<Entry>,
}

/// Packs an artifact.
///
/// # Errors
/// As the runtime refuses the artifact.
pub fn pack(file: &[u8]) -> Result<Packed, siskin::Error> {
    let loaded = Loaded::new(file)?;
    let parts = parts(file, &loaded.model()?);
    let segments: Vec<PackedSegment> =
        parts.iter().map(|p| PackedSegment { numbers: p.numbers, bytes: p.range.len() }).collect();
    let (packed, sizes) = siskin_format::pack(file, &segments).ok_or(siskin::Error::Format(FormatError::Length))?;
    let coded: usize = sizes.iter().sum();
    let own = parts.iter().zip(&sizes).map(|(p, &bytes)| (p.name.as_str(), bytes as u64));
    let around = ("segments", packed.len().saturating_sub(coded) as u64);
    let ledger = entries(own.chain([around]));
    Ok(Packed { file: packed, ledger })
}

/// The artifact that a file is or was packed from.
///
/// # Errors
/// [`FormatError::Length`] if it is a packed one that is damaged; what is no packed artifact is returned as it is.
pub fn unpacked(file: &[u8]) -> Result<Cow<'_, [u8]>, FormatError> {
    let Ok(len) = unpacked_len(file) else { return Ok(file.into()) };
    // A damaged length must not ask for memory that nothing fills: no bit is coded in less than 1/180 of a bit.
    if len / 180 > file.len() {
        return Err(FormatError::Length);
    }
    let mut out = vec![0; len];
    siskin_format::unpack(file, &mut Contexts::new(), &mut out)?;
    Ok(out.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::lower::{Extras, lower};

    #[test]
    fn an_artifact_comes_back_and_its_ledger_adds_up() {
        let weights: Vec<String> = (0..512).map(|i| ((i * i + i / 7) % 5 - 2).to_string()).collect();
        let text = format!(
            "graph g\nin x: i8[1,64]\nconst w: i8[8,64] = {}\nconst b: i32[8] = 1 2 3 4 -5 6 7 8\n\
             const m: f32[8] = 0.5 1 1.5 2 2.5 3 3.5 4\ny: i8[1,8] = QLinearMatMul(x, w, b, m) zeros=[0,0,-128,127]\nout y\n",
            weights.join(" ")
        );
        let mut graph = crate::ir::parse(&text).unwrap();
        crate::passes::pack_weights(&mut graph, None).unwrap();
        let file = lower(&graph, &Extras { goldens: 1, ..Extras::default() }).unwrap().file;
        let packed = pack(&file).unwrap();
        assert_eq!(unpacked(&packed.file).unwrap(), file);
        assert_eq!(packed.ledger.iter().map(|e| e.bytes).sum::<u64>(), packed.file.len() as u64);
        assert!(packed.file.len() * 3 < file.len() * 2, "{} of {}", packed.file.len(), file.len());
        assert_eq!(unpacked(&file).unwrap(), file);
    }

    #[test]
    fn a_length_that_cannot_be_is_refused_before_memory_is_taken() {
        let file = b"\x89SKZ\xFF\xFF\xFF\xFF\xF0\xFF\xFF\xFF\x0F";
        assert_eq!(unpacked(file).unwrap_err(), FormatError::Length);
    }
}
