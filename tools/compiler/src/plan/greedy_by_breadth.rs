//! Greedy by breadth: steps by falling live bytes; at each, its buffers that are not placed yet, largest first.
//!
//! Pisarchyk and Lee, 2020 ("Greedy by Breadth"), applied to offsets. It wins where one
//! wide operator dominates.

use core::cmp::Reverse;

use super::{Buffer, Plan, layout::Layout};

/// See the module; nothing if the arena would exceed 4 GiB.
pub(super) fn plan(layout: &Layout<'_>) -> Option<Plan> {
    let buffers = layout.buffers();
    let breadths = breadths(buffers);
    // The greedy meets a buffer first at the widest step of its life.
    let widest =
        |b: &Buffer| breadths.iter().filter(|(step, _)| b.life().contains(step)).map(|&(_, bytes)| bytes).max();
    let widest: Vec<Option<u64>> = buffers.iter().map(widest).collect();
    layout.best_order("greedy_by_breadth", |chain| {
        let widest = chain.iter().map(|&m| widest[m]).max();
        (Reverse(widest), Reverse(buffers[chain[0]].size), chain[0])
    })
}

/// (step, live bytes) for the steps at which some buffer begins: the rest are no wider.
fn breadths(buffers: &[Buffer]) -> Vec<(u32, u64)> {
    let mut steps: Vec<u32> = buffers.iter().map(|b| b.first).collect();
    steps.sort_unstable();
    steps.dedup();
    let live = |step: u32| buffers.iter().filter(|b| b.life().contains(&step)).map(|b| u64::from(b.size)).sum();
    steps.into_iter().map(|step| (step, live(step))).collect()
}
