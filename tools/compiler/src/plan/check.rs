//! Proves a plan, sharing no code with the planners: every pair of buffers is looked at.

use super::{Buffer, Plan, Problem};

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not one offset per buffer.
    #[error("the plan has {offsets} offsets for {buffers} buffers")]
    Count {
        /// Offsets in the plan.
        offsets: usize,
        /// Buffers in the problem.
        buffers: usize,
    },
    /// An offset is not a multiple of the buffer's alignment.
    #[error("buffer {buffer} sits at {offset}, not a multiple of its alignment {align}")]
    Misaligned {
        /// Index of the buffer.
        buffer: usize,
        /// Where it sits.
        offset: u32,
        /// What it asked for.
        align: u32,
    },
    /// A buffer reaches past the end of the arena.
    #[error("buffer {buffer} ends at {end}, past the arena's {arena} bytes")]
    Outside {
        /// Index of the buffer.
        buffer: usize,
        /// Where it ends.
        end: u64,
        /// The size of the arena.
        arena: u32,
    },
    /// Two buffers use the same bytes at the same step and may not.
    #[error("buffers {a} and {b} overlap at step {step}")]
    Overlap {
        /// Index of the first buffer.
        a: usize,
        /// Index of the second buffer.
        b: usize,
        /// The first step at which both are live.
        step: u32,
    },
    /// A pair is listed as shared and does not share, or was not allowed to.
    #[error("output {output} is listed as written over input {input}, and is not or may not be")]
    NotShared {
        /// Index of the output.
        output: usize,
        /// Index of the input.
        input: usize,
    },
}

/// Whether `plan` solves `problem`.
///
/// # Errors
/// The first [`Fault`] found.
pub fn check(problem: &Problem, plan: &Plan) -> Result<(), Fault> {
    let buffers = &problem.buffers;
    if plan.offsets.len() != buffers.len() {
        return Err(Fault::Count { offsets: plan.offsets.len(), buffers: buffers.len() });
    }
    for &(output, input) in &plan.shared {
        if !may_share(problem, output, input) || plan.offsets.get(output) != plan.offsets.get(input) {
            return Err(Fault::NotShared { output, input });
        }
    }
    let placed: Vec<(&Buffer, u32)> = buffers.iter().zip(plan.offsets.iter().copied()).collect();
    for (i, &(buffer, offset)) in placed.iter().enumerate() {
        inside(i, buffer, offset, plan.arena)?;
        for (j, &(other, at)) in placed.iter().enumerate().skip(i + 1) {
            let step = buffer.first.max(other.first);
            let meet = step <= buffer.last.min(other.last);
            let touch = u64::from(offset.max(at)) < end(buffer, offset).min(end(other, at));
            if meet && touch && !plan.shared.contains(&(i, j)) && !plan.shared.contains(&(j, i)) {
                return Err(Fault::Overlap { a: i, b: j, step });
            }
        }
    }
    Ok(())
}

fn end(buffer: &Buffer, offset: u32) -> u64 {
    u64::from(offset) + u64::from(buffer.size)
}

fn inside(index: usize, buffer: &Buffer, offset: u32, arena: u32) -> Result<(), Fault> {
    if offset.checked_rem(buffer.align) != Some(0) {
        return Err(Fault::Misaligned { buffer: index, offset, align: buffer.align });
    }
    if end(buffer, offset) > arena.into() {
        return Err(Fault::Outside { buffer: index, end: end(buffer, offset), arena });
    }
    Ok(())
}

/// The output is wished to be there, fits, and the two are live together only at the step that writes it.
fn may_share(problem: &Problem, output: usize, input: usize) -> bool {
    let wished = problem.in_place.iter().any(|w| w.output == output && w.input == input);
    match (problem.buffers.get(output), problem.buffers.get(input)) {
        (Some(out), Some(inp)) => wished && out.size <= inp.size && inp.first < inp.last && inp.last == out.first,
        _ => false,
    }
}
