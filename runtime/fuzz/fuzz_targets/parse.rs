//! Any bytes, as they are and sealed: `Model::parse` answers and does not panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use siskin::{Generic, Model, op};
use siskin_fuzz::{Aligned, seal};

fuzz_target!(|data: &[u8]| {
    let ops = op::all::<Generic>();
    for bytes in [data.to_vec(), seal(data)] {
        let file = Aligned::new(&bytes);
        if let Ok(model) = Model::parse(file.bytes(), &ops) {
            // What a tool would ask of a model.
            let _ = model.inputs().count() + model.outputs().count() + model.steps().count();
            let _: u64 = model.steps().map(|s| s.macs() & 0xFFFF).sum();
        }
    }
});
