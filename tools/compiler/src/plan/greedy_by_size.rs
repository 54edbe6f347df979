//! Greedy by size: the largest first, each at the lowest gap.
//!
//! Pisarchyk and Lee, 2020 ("Greedy by Size for Offset Calculation"), which takes the tightest gap; the
//! lowest does as well and lets a chain be placed as one. Ties: the longer life, then the earlier definition.

use core::cmp::Reverse;

use super::{Plan, layout::Layout};

/// See the module; nothing if the arena would exceed 4 GiB.
pub(super) fn plan(layout: &Layout<'_>) -> Option<Plan> {
    layout.best_order("greedy_by_size", |chain| {
        let head = &layout.buffers()[chain[0]];
        let last = chain.last().map_or(head.last, |&m| layout.buffers()[m].last);
        (Reverse(head.size), Reverse(last - head.first), head.first, chain[0])
    })
}
