//! `cargo xtask train`: what training is worth, on data that nothing was fitted to, with the kernels that ship.
#![allow(clippy::unwrap_used, clippy::panic, reason = "an experiment that cannot go on ends")]

mod digits;
mod few_bits;
mod step;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["digits"] => digits::run("test"),
        ["digits", split] => digits::run(split),
        ["step"] => step::run(),
        ["few-bits", model, bits, rest @ ..] => few_bits::run(model, bits.parse().unwrap(), rest),
        _ => panic!("step | digits | few-bits MODEL BITS [OPTION=VALUE ..]"),
    }
}
