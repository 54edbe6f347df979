//! Every published version of the format stays readable: `tests/golden` holds one artifact of each.
//!
//! The files are never renewed. A new version adds one.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::data::{Dataset, InputSpec};
use siskin_compiler::eval::evaluate;
use siskin_compiler::run::{Loaded, content_digest};
use siskin_tests::root;

#[test]
fn version_1_0_reads_and_answers_as_it_did() {
    let file = std::fs::read(root().join("tests/golden/digits-1.0.siskin")).unwrap();
    let mut loaded = Loaded::new(&file).unwrap();
    let header = *loaded.model().unwrap().artifact().header();
    assert_eq!((header.major, header.minor), (1, 0));
    assert_eq!(content_digest(&file), header.digest);
    assert_eq!(loaded.session().unwrap().self_test().unwrap().vectors, 1);
    let test = root().join("models/digits/test.npz").display().to_string();
    let data = Dataset::open(&test, &[InputSpec::new(vec![1, 1, 8, 8])]).unwrap();
    let found = evaluate(&mut loaded, &data, None, &mut ()).unwrap();
    assert_eq!((found.value * 360.0).round(), 355.0);
}

#[test]
fn another_major_version_is_refused_by_name() {
    let mut file = std::fs::read(root().join("tests/golden/digits-1.0.siskin")).unwrap();
    file[8] = 2;
    let refusal = Loaded::new(&file).unwrap_err().to_string();
    assert!(refusal.contains("format 2.0"), "{refusal}");
}
