//! The arena memory planner: gives every activation an offset in one arena, as small as it can.
//!
//! ```text
//! offset
//!   ^   +---------+
//!   |   |    c    |+-----+      a buffer is a rectangle: its bytes by the steps it is live;
//!   |   +---------+|  d  |      rectangles must not overlap; the top of the highest one
//!   |  +----+------++-----+     is the arena
//!   |  | a  |   b   |           b was written over a: in place
//!   +--+----+-------+------> step
//! ```
//!
//! **Steps.** Graph inputs are live from step 0; operator `i` runs at step `i + 1`. A buffer is live from the
//! step that defines it to the step of its last use, both inclusive, so the inputs and the outputs of
//! one operator conflict. Graph outputs live to the last step.
//!
//! **In place.** An [`InPlace`] wish allows an output to sit at *exactly* the offset of an input that dies at the
//! operator that defines the output, if the input is at least as large. Nothing else may overlap. Wishes may
//! form chains.
//!
//! **Planners**, in the order in which they are tried; the smallest arena wins and ties go to the earlier one:
//!
//! | name | how |
//! |---|---|
//! | `greedy_by_size` | largest first, each at the lowest gap |
//! | `greedy_by_breadth` | the step with most live bytes first |
//! | `greedy_by_first_use` | in order of definition |
//! | `hill_climb` | local search over the placing order and the wishes |
//! | `exact` | branch and bound, for small problems; also proves |
//!
//! All stop as soon as [`lower_bound`] is met. The same problem and seed give the same plan on every machine.
//!
//! Sources: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020
//! (arXiv:2001.03288) for the offset problem, its lower bound and the greedy orders; Apache TVM's Unified Static
//! Memory Planner (RFC 0009) for hill climbing on the placing order.
//!
//! Absent: reordering of operators (the caller fixes the schedule), splitting of a buffer, and moving of
//! a live buffer.

mod bound;
mod check;
mod exact;
mod greedy_by_breadth;
mod greedy_by_first_use;
mod greedy_by_size;
mod hill_climb;
mod layout;
mod problem;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use bound::lower_bound;
pub use check::{Fault, check};
pub use problem::{Buffer, Error, InPlace, Problem};

use layout::Layout;

/// Where every buffer sits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Byte offset of each buffer in the arena, in the order of [`Problem::buffers`]; 0 for an empty one.
    pub offsets: Vec<u32>,
    /// Size of the arena in bytes: the highest end of any buffer.
    pub arena: u32,
    /// Name of the planner that found it.
    pub planner: &'static str,
    /// The wishes that came true, as (output, input).
    pub shared: Vec<(usize, usize)>,
}

/// The smallest plan that any planner finds.
///
/// `seed` steers only the hill climb. The time is bounded by counted work, not by a clock: well
/// under a second for 600 buffers.
///
/// # Errors
/// [`Error`] if the problem is malformed, or if no plan fits in 4 GiB.
pub fn plan(problem: &Problem, seed: u64) -> Result<Plan, Error> {
    problem.validate()?;
    let floor = lower_bound(problem)?;
    let layout = Layout::new(problem);
    let planners: [&dyn Fn(&Found) -> Found; 5] = [
        &|_| greedy_by_size::plan(&layout),
        &|_| greedy_by_breadth::plan(&layout),
        &|_| greedy_by_first_use::plan(&layout),
        &|_| hill_climb::plan(&layout, floor, seed),
        &|best| exact::plan(&layout, floor, best.as_ref().map_or(u32::MAX, |plan| plan.arena)),
    ];
    let mut best = Found::None;
    for planner in planners {
        if best.as_ref().is_some_and(|plan| plan.arena <= floor) {
            break;
        }
        let found = planner(&best);
        best = better(best, found);
    }
    best.ok_or(Error::TooLarge { bytes: floor.into() })
}

/// What a planner returns: nothing if its plan would not fit in 4 GiB or it has none.
type Found = Option<Plan>;

/// The smaller of two plans; the first if they are equal.
fn better(a: Found, b: Found) -> Found {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.arena < a.arena { b } else { a }),
        (a, b) => a.or(b),
    }
}
