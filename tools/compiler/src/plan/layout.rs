//! What the planners share: chains of buffers, and placing them one by one at the lowest gap that fits.
//!
//! A *chain* is a run of buffers that sit at one offset, each written over the one before. For a chain at
//! offset `o`, a placed buffer `c` that conflicts with a member `m` forbids `c.offset − m.size < o < c.end`; the
//! lowest aligned `o` outside all those intervals is taken.

use super::{Buffer, InPlace, Plan, Problem};

/// Buffers at one offset, in the order in which they are written; never empty, the first is the largest.
pub(super) type Chain = Vec<usize>;

/// A problem prepared for placing.
pub(super) struct Layout<'p> {
    buffers: &'p [Buffer],
    /// For every buffer, those that are live at some step of its life.
    conflicts: Vec<Vec<usize>>,
    usable: Vec<InPlace>,
}

impl<'p> Layout<'p> {
    pub(super) fn new(problem: &'p Problem) -> Self {
        let buffers = problem.buffers.as_slice();
        let of = |(i, a): (usize, &Buffer)| {
            let meets = |&(j, b): &(usize, &Buffer)| j != i && a.conflicts(b);
            buffers.iter().enumerate().filter(meets).map(|(j, _)| j).collect()
        };
        Self { buffers, conflicts: buffers.iter().enumerate().map(of).collect(), usable: problem.usable() }
    }

    pub(super) fn buffers(&self) -> &'p [Buffer] {
        self.buffers
    }

    /// The wishes that may be granted.
    pub(super) fn usable(&self) -> &[InPlace] {
        &self.usable
    }

    /// The buffers that conflict with `buffer`.
    pub(super) fn conflicts(&self, buffer: usize) -> &[usize] {
        &self.conflicts[buffer]
    }

    /// How many pairs a placing looks at: the unit in which searches count their work.
    pub(super) fn work(&self) -> usize {
        self.buffers.len() + self.conflicts.iter().map(Vec::len).sum::<usize>()
    }

    /// All buffers that take space, joined by the wishes for which `granted` holds.
    ///
    /// A buffer is overwritten at most once and overwrites at most one; of wishes that exclude each other the
    /// earlier is kept. In the order of each chain's first member.
    pub(super) fn chains(&self, granted: impl Fn(usize) -> bool) -> Vec<Chain> {
        let mut next = vec![None; self.buffers.len()];
        let mut joined = vec![false; self.buffers.len()];
        for (_, w) in self.usable.iter().enumerate().filter(|&(i, _)| granted(i)) {
            if next[w.input].is_none() && !joined[w.output] {
                next[w.input] = Some(w.output);
                joined[w.output] = true;
            }
        }
        let heads = (0..self.buffers.len()).filter(|&i| !joined[i] && self.buffers[i].size > 0);
        heads.map(|head| core::iter::successors(Some(head), |&i| next[i]).collect()).collect()
    }

    /// Puts every chain, in the given order, at the lowest offset that is free for the life of its members.
    pub(super) fn place(&self, chains: &[Chain]) -> Placed {
        let mut offsets = vec![None; self.buffers.len()];
        let mut blocked = Vec::new();
        let mut arena = 0;
        for chain in chains {
            blocked.clear();
            for &m in chain {
                let size = i64::from(self.buffers[m].size);
                let placed =
                    self.conflicts[m].iter().filter_map(|&c| offsets[c].map(|at: i64| (at, self.buffers[c].size)));
                blocked.extend(placed.map(|(at, len)| (at - size, at + i64::from(len))));
            }
            blocked.sort_unstable();
            let offset = lowest(&blocked, self.align(chain));
            for &m in chain {
                offsets[m] = Some(offset);
                arena = arena.max(offset + i64::from(self.buffers[m].size));
            }
        }
        Placed { offsets: offsets.into_iter().map(|o| o.unwrap_or(0)).collect(), arena }
    }

    /// The strictest alignment in the chain.
    pub(super) fn align(&self, chain: &Chain) -> i64 {
        chain.iter().map(|&m| i64::from(self.buffers[m].align)).max().unwrap_or(1)
    }

    /// Sorts the chains made with and without the wishes by `order`, places both, and keeps the better.
    ///
    /// Sharing lowers the live bytes, but it ties two buffers to one offset, so now and then it loses.
    pub(super) fn best_order<K: Ord>(&self, planner: &'static str, order: impl Fn(&Chain) -> K) -> Option<Plan> {
        let run = |granted: bool| {
            let mut chains = self.chains(|_| granted);
            chains.sort_by_key(&order);
            self.place(&chains)
        };
        let shared = run(true);
        let apart = if self.usable.is_empty() { shared.clone() } else { run(false) };
        self.finish(planner, if apart.arena < shared.arena { &apart } else { &shared })
    }

    /// The plan, unless it needs more than 4 GiB.
    pub(super) fn finish(&self, planner: &'static str, placed: &Placed) -> Option<Plan> {
        let arena = u32::try_from(placed.arena).ok()?;
        let offsets: Vec<u32> = placed.offsets.iter().map(|&o| u32::try_from(o)).collect::<Result<_, _>>().ok()?;
        let together = |w: &&InPlace| offsets[w.output] == offsets[w.input];
        let shared = self.usable.iter().filter(together).map(|w| (w.output, w.input)).collect();
        Some(Plan { offsets, arena, planner, shared })
    }
}

/// Offsets that may still be too large for a plan.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) offsets: Vec<i64>,
    pub(super) arena: i64,
}

/// The lowest multiple of `align` that is strictly inside none of the intervals, which are sorted.
fn lowest(blocked: &[(i64, i64)], align: i64) -> i64 {
    let mut offset = 0;
    for &(low, high) in blocked {
        if offset <= low {
            break;
        }
        if offset < high {
            // Not negative: `high` is the end of a buffer. `next_multiple_of` of i64 is unstable.
            offset = (high + align - 1) / align * align;
        }
    }
    offset
}
