//! What the end-to-end tests share: where measured data lies, and models compiled the way a user would.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these helpers serve tests: a failed unwrap is a failed test")]

use siskin_compiler::compress::{Options, Source};
use siskin_compiler::data::{Array, ArrayData, Dataset, InputSpec, read_npz, write_npz};
use siskin_compiler::eval::{Evaluation, evaluate};
use siskin_compiler::import;
use siskin_compiler::lower::Lowered;
use siskin_compiler::run::Loaded;
use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The folder of data and models that tests measure with and the repository does not hold: `SISKIN_SHARED`, or
/// `../shared` beside the repository. Without it a test leaves out what needs it and says so; where `CI` is `true` it fails.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("SISKIN_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    if folder.join("models").is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing, and CI=true", folder.display());
    eprintln!("LEFT OUT: {} is missing; set SISKIN_SHARED to run this test", folder.display());
    None
}

/// Returns from a test, loudly, if there is no [`shared`] folder.
#[macro_export]
macro_rules! shared_or_leave {
    () => {
        match $crate::shared() {
            Some(folder) => folder,
            None => return,
        }
    };
}

/// A source model, imported with these values as outputs (none: its own).
#[must_use]
pub fn source(path: &Path, outputs: &[&str]) -> Source {
    let outputs = outputs.iter().map(ToString::to_string).collect();
    let options = Options { import: import::Options { outputs, ..Default::default() }, ..Options::default() };
    Source::open(path, &options).unwrap_or_else(|e| panic!("{e}"))
}

/// A data set for a model's first input, every value divided by `std`.
#[must_use]
pub fn dataset(spec: &Path, mut input: InputSpec, std: f32) -> Dataset {
    input.std = vec![std];
    Dataset::open(&spec.display().to_string(), &[input]).unwrap_or_else(|e| panic!("{e}"))
}

/// Evaluates a lowered model.
#[must_use]
pub fn measure(lowered: &Lowered, data: &Dataset) -> Evaluation {
    evaluate(&mut Loaded::new(&lowered.file).unwrap(), data, None, &mut ()).unwrap_or_else(|e| panic!("{e}"))
}

/// An array of an npz.
#[must_use]
pub fn array(path: &Path, name: &str) -> Array {
    let arrays = read_npz(path).unwrap_or_else(|e| panic!("{e}"));
    arrays.into_iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no {name} in {}", path.display())).1
}

/// The first `n` samples of a set, as a file of their own.
#[must_use]
pub fn first_samples(path: &Path, n: usize) -> PathBuf {
    let cut = |a: &Array| {
        let mut shape = a.shape.clone();
        let each: usize = shape.iter().skip(1).product();
        shape[0] = n;
        let data = match &a.data {
            ArrayData::U8(v) => ArrayData::U8(v[..n * each].to_vec()),
            ArrayData::I64(v) => ArrayData::I64(v[..n * each].to_vec()),
            _ => unreachable!("bytes and labels"),
        };
        Array { shape, data }
    };
    let arrays: Vec<_> = read_npz(path).unwrap().iter().map(|(k, a)| (k.clone(), cut(a))).collect();
    let target = std::env::temp_dir().join(format!("siskin-test-{}-{n}.npz", std::process::id()));
    write_npz(&target, &arrays).unwrap();
    target
}

/// Runs every sample of `x` (its first axis) and returns the first output's bytes and real values, sample after sample.
#[must_use]
pub fn outputs(loaded: &mut Loaded, x: &Array) -> (Vec<u8>, Vec<f32>) {
    let samples = x.shape[0];
    let bytes = x.data.as_bytes();
    let each = bytes.len() / samples;
    let mut session = loaded.session().unwrap();
    let (mut raw, mut real) = (Vec::new(), Vec::new());
    for sample in bytes.chunks_exact(each) {
        let port = session.model().inputs().next().unwrap();
        if port.outer == port.dtype {
            session.input_bytes(0).unwrap().copy_from_slice(sample);
        } else {
            let values: Vec<f32> = sample.chunks_exact(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect();
            session.write_f32(0, &values).unwrap();
        }
        session.run();
        raw.extend_from_slice(session.output_bytes(0).unwrap().1);
        real.extend(siskin_compiler::walk::read(&session, 0).unwrap());
    }
    (raw, real)
}

/// Numbers of mean 0 and variance 1, nearly normal, the same for the same seed: sums of twelve uniform ones.
#[must_use]
pub fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = || {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / 16_777_216.0
    };
    (0..n).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0).collect()
}

/// The integers of an `i8` array.
#[must_use]
pub fn bytes_i8(array: &Array) -> Vec<i8> {
    match &array.data {
        ArrayData::I8(v) => v.clone(),
        other => panic!("i8 expected, {} found", other.len()),
    }
}
