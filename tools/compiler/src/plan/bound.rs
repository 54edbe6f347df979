//! The floor under every plan: the largest sum of bytes that are live at one step.
//!
//! `floor = max over steps t of ( Σ ⌈size⌉ − saved(t) − pad(t) )`, where `⌈size⌉` is the size rounded up to
//! the smallest alignment `m` among the buffers live at `t`: every offset is a multiple of `m`, so each of them but the
//! topmost occupies that much, and the topmost spares at most the largest padding, `pad(t)`. `saved(t)` is
//! what in-place wishes could save at `t` at best.

use super::{Buffer, Error, InPlace, Problem};

/// The smallest arena that could exist; often, not always, it does.
///
/// # Errors
/// [`Error`] if the problem is malformed, or if more than 4 GiB are live at one step.
pub fn lower_bound(problem: &Problem) -> Result<u32, Error> {
    problem.validate()?;
    let usable = problem.usable();
    // The live bytes can only peak at a step at which some buffer begins.
    let mut steps: Vec<u32> = problem.buffers.iter().map(|b| b.first).collect();
    steps.sort_unstable();
    steps.dedup();
    let bytes = steps.iter().map(|&step| at_step(&problem.buffers, &usable, step)).max().unwrap_or(0);
    u32::try_from(bytes).map_err(|_| Error::TooLarge { bytes })
}

fn at_step(buffers: &[Buffer], usable: &[InPlace], step: u32) -> u64 {
    let live = || buffers.iter().filter(|b| b.size > 0 && b.life().contains(&step));
    let unit = live().map(|b| b.align).min().unwrap_or(1);
    let padded = |b: &Buffer| u64::from(b.size).next_multiple_of(unit.into());
    let sum: u64 = live().map(padded).sum();
    let pad = live().map(|b| padded(b) - u64::from(b.size)).max().unwrap_or(0);
    let size = |i: usize| buffers.get(i).map_or(0, padded);
    sum - saved(usable, step, buffers, size) - pad
}

/// At most each output is saved once, and at most once per input.
fn saved(usable: &[InPlace], step: u32, buffers: &[Buffer], size: impl Fn(usize) -> u64) -> u64 {
    let here: Vec<&InPlace> =
        usable.iter().filter(|w| buffers.get(w.output).is_some_and(|b| b.first == step)).collect();
    let largest = |key: fn(&InPlace) -> usize| -> u64 {
        let mut keys: Vec<usize> = here.iter().map(|w| key(w)).collect();
        keys.sort_unstable();
        keys.dedup();
        let best = |k: usize| here.iter().filter(|w| key(w) == k).map(|w| size(w.output)).max().unwrap_or(0);
        keys.into_iter().map(best).sum()
    };
    largest(|w| w.output).min(largest(|w| w.input))
}
