//! Greedy by first use: in the order of definition, as a run-time allocator would meet the buffers.
//!
//! Rarely the best, but on a plain chain of operators it alternates between the two ends and meets the floor.

use core::cmp::Reverse;

use super::{Plan, layout::Layout};

/// See the module; nothing if the arena would exceed 4 GiB.
pub(super) fn plan(layout: &Layout<'_>) -> Option<Plan> {
    layout.best_order("greedy_by_first_use", |chain| {
        let head = &layout.buffers()[chain[0]];
        (head.first, Reverse(head.size), chain[0])
    })
}
