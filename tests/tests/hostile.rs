//! Files that somebody else wrote: every single-byte corruption of an artifact is refused or runs, and nothing panics.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::compress::Options;
use siskin_compiler::data::Dataset;
use siskin_compiler::format::{Header, Kind, crc32};
use siskin_compiler::run::Loaded;
use siskin_tests::{root, source};

/// The artifact of the example model.
fn artifact() -> Vec<u8> {
    let folder = root().join("models/digits");
    let model = source(&folder.join("digits.onnx"), &[]);
    let calib = Dataset::open(&folder.join("calib.npz").display().to_string(), &model.input_specs()).unwrap();
    model.compress(&Options::default(), Some(&calib), &mut ()).unwrap().file
}

#[test]
fn every_corrupted_byte_is_refused() {
    let file = artifact();
    let mut accepted = Vec::new();
    for at in 0..file.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut bad = file.clone();
            bad[at] ^= flip;
            if let Ok(mut loaded) = Loaded::new(&bad) {
                // The digest alone is checked by tools, not by devices.
                accepted.push(at);
                loaded.session().unwrap().run();
            }
        }
    }
    assert!(accepted.is_empty(), "corruption at {accepted:?} went unnoticed");
}

/// Whoever corrupts a file can write its checksums anew, so that only what the verifier proves stands between them and the
/// kernels: every byte of every part but the weights, which hold any numbers, is altered in three ways and sealed.
#[test]
fn what_is_sealed_again_is_refused_or_runs() {
    let file = artifact();
    let weights = section(&file, Kind::Weights);
    let (mut refused, mut ran) = (0, 0);
    for at in (0..file.len()).filter(|at| !weights.contains(at)) {
        for flip in [1, 0x80, 0xFF] {
            let mut bad = file.clone();
            bad[at] ^= flip;
            seal(&mut bad);
            // A length that asks for more memory than there is would end the test; the verifier lets none through.
            match Loaded::new(&bad) {
                Ok(mut loaded) => {
                    assert!(loaded.model().unwrap().arena_len() < 1 << 20, "byte {at}");
                    let mut session = loaded.session().unwrap();
                    session.run();
                    let _ = session.self_test();
                    ran += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    println!("{refused} refused, {ran} ran");
    assert!(refused > 1000 && ran > 500);
}

/// The bytes of a section.
fn section(file: &[u8], kind: Kind) -> core::ops::Range<usize> {
    let found = (0..word(file, 12)).map(|i| Header::LEN + 16 * i).find(|&at| word(file, at) & 0xFFFF == kind as usize);
    let at = found.unwrap();
    word(file, at + 4)..word(file, at + 4) + word(file, at + 8)
}

fn word(file: &[u8], at: usize) -> usize {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
}

/// Writes all checksums anew, as far as the section table lies within the file.
fn seal(file: &mut [u8]) {
    let put = |file: &mut [u8], at: usize, v: u32| file[at..at + 4].copy_from_slice(&v.to_le_bytes());
    let table = Header::LEN..(Header::LEN + 16 * word(file, 12).min(64)).min(file.len());
    for at in table.clone().step_by(16) {
        let start = word(file, at + 4);
        let bytes = file.get(start..start.saturating_add(word(file, at + 8)));
        if let Some(crc) = bytes.map(crc32) {
            put(file, at + 12, crc);
        }
    }
    let crc = crc32(&file[table]);
    put(file, 56, crc);
    let crc = crc32(&file[..60]);
    put(file, 60, crc);
}

#[test]
fn every_truncation_is_refused() {
    let file = artifact();
    for len in 0..file.len() {
        assert!(Loaded::new(&file[..len]).is_err(), "{len} bytes of {}", file.len());
    }
    let mut longer = file;
    longer.push(0);
    assert!(Loaded::new(&longer).is_err());
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(artifact(), artifact());
}
