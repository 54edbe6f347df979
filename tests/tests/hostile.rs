//! Files that somebody else wrote: every single-byte corruption of an artifact is refused or runs, and nothing panics.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::compress::Options;
use siskin_compiler::data::{Dataset, InputSpec};
use siskin_compiler::run::Loaded;
use siskin_tests::{root, source};

/// The artifact of the example model.
fn artifact() -> Vec<u8> {
    let folder = root().join("models/digits");
    let model = source(&folder.join("digits.onnx"), &[]);
    let spec: InputSpec = model.input_spec().unwrap();
    let calib = Dataset::open(&folder.join("calib.npz").display().to_string(), &spec).unwrap();
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
