//! The Rust runtime gives the answers that the C programs are held to, and so does the library's own interface.
//!
//! The C programs are `tests/c`, run by `cargo xtask capi`; this side needs no C compiler.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::undocumented_unsafe_blocks, reason = "every pointer is to a live local of the right size")]

use crate::*;
use core::ffi::c_void;
use core::ptr;
use siskin::format::ALIGN;
use siskin::{DType, Generic, Model, Session, op};
use std::path::Path;
use std::prelude::v1::*;
use std::{format, vec};

/// Memory aligned for a model, an arena or a state.
struct Room {
    blocks: Vec<u128>,
    bytes: usize,
}

impl Room {
    fn new(bytes: usize) -> Room {
        assert_eq!(align_of::<u128>() % ALIGN, 0);
        Room { blocks: vec![0; bytes.div_ceil(16)], bytes }
    }

    fn of(file: &[u8]) -> Room {
        let mut room = Room::new(file.len());
        room.slice().copy_from_slice(file);
        room
    }

    fn slice(&mut self) -> &mut [u8] {
        unsafe { core::slice::from_raw_parts_mut(self.blocks.as_mut_ptr().cast(), self.bytes) }
    }

    fn pointer(&mut self) -> *mut c_void {
        self.blocks.as_mut_ptr().cast()
    }
}

fn file(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The generator of `tests/c/check.c`.
fn draw(seed: &mut u32) -> u8 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    *seed as u8
}

/// The inputs of `tests/c/check.c`.
fn fill(bytes: &mut [u8], dtype: DType, seed: &mut u32) {
    if dtype == DType::F32 {
        for value in bytes.chunks_exact_mut(4) {
            value.copy_from_slice(&((f32::from(draw(seed)) - 128.0) / 64.0).to_le_bytes());
        }
    } else {
        bytes.iter_mut().for_each(|b| *b = draw(seed));
    }
}

fn fnv(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |hash, &b| (hash ^ u32::from(b)).wrapping_mul(16_777_619))
}

/// The answers of the Rust runtime, as `tests/c/check.c` prints them.
fn answers(model: &str) -> String {
    let mut bytes = Room::of(&file(model));
    let model = Model::parse(bytes.slice(), &op::all::<Generic>()).unwrap();
    let (mut arena, mut state) = (Room::new(model.arena_len()), Room::new(model.state_len()));
    let mut session = Session::new(&model, arena.slice(), state.slice()).unwrap();
    let (mut seed, mut lines) = (1, String::new());
    for run in 0..8 {
        for (i, port) in model.inputs().enumerate() {
            fill(session.input_bytes(i).unwrap(), port.dtype, &mut seed);
        }
        session.run();
        let outputs = 0..model.outputs().count();
        let hash = outputs.fold(2_166_136_261, |hash, i| fnv(hash, session.output_bytes(i).unwrap().1));
        lines += &format!("run {run}: {hash:08x}\n");
    }
    lines
}

fn held_to(model: &str, recorded: &str) {
    let found = answers(model);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(recorded);
    if std::env::var_os("SISKIN_RENEW").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(path).unwrap(), "SISKIN_RENEW=1 renews {recorded}");
}

#[test]
fn the_runtime_gives_the_recorded_answers() {
    held_to("../../tests/golden/digits-1.0.siskin", "tests/c/digits.out");
    held_to("tests/c/state.siskin", "tests/c/state.out");
}

#[test]
fn every_operator_is_in_the_table_of_all() {
    let all = op::all::<Generic>().0;
    assert_eq!(siskin_all_ops.count, all.len());
}

/// The whole road, with pointers that miri or valgrind can follow.
#[test]
fn a_session_in_callers_memory() {
    let mut model = Room::of(&file("tests/c/state.siskin"));
    let (mut arena_bytes, mut state_bytes) = (0, 0);
    let sizes = unsafe { siskin_model_sizes(model.pointer(), model.bytes, &mut arena_bytes, &mut state_bytes) };
    assert_eq!(sizes, siskin_status::Ok);
    assert!(state_bytes > 0);
    let (mut arena, mut state) = (Room::new(arena_bytes), Room::new(state_bytes));
    let config = siskin_config {
        model: model.pointer(),
        model_bytes: model.bytes,
        ops: &siskin_all_ops,
        arena: arena.pointer(),
        arena_bytes,
        state: state.pointer(),
        state_bytes,
    };
    let mut session = core::mem::MaybeUninit::<siskin_session>::zeroed();
    let session = session.as_mut_ptr();
    unsafe {
        assert_eq!(siskin_run(session), siskin_status::NotInitialized);
        assert_eq!(siskin_init(session, &config, ptr::null_mut()), siskin_status::Ok);

        // The pointers stay good across runs, as C uses them.
        let (mut input, mut output) = (ptr::null_mut(), ptr::null());
        let (mut input_bytes, mut output_bytes) = (0, 0);
        assert_eq!(siskin_input(session, 0, &mut input, &mut input_bytes), siskin_status::Ok);
        assert_eq!(siskin_output(session, 0, &mut output, &mut output_bytes), siskin_status::Ok);
        let run = |value: u8| {
            input.cast::<u8>().write_bytes(value, input_bytes);
            assert_eq!(siskin_run(session), siskin_status::Ok);
            core::slice::from_raw_parts(output.cast::<u8>(), output_bytes).to_vec()
        };
        let first = run(0x3c);
        assert_ne!(run(0x3c), first, "the state has no influence");
        assert_eq!(siskin_reset(session), siskin_status::Ok);
        assert_eq!(run(0x3c), first);

        let short = siskin_config { arena_bytes: arena_bytes - 1, ..config };
        let mut error = core::mem::MaybeUninit::uninit();
        assert_eq!(siskin_init(session, &short, error.as_mut_ptr()), siskin_status::Arena);
        assert_eq!(error.assume_init().needed as usize, arena_bytes);
        assert_eq!(siskin_run(session), siskin_status::NotInitialized);
    }
}
