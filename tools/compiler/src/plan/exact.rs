//! Branch and bound: finds the smallest arena of a small problem and thereby proves it.
//!
//! Push every chain of some best plan down until it rests on the arena's floor or on a chain below it. Placing its
//! chains by rising offset, each *on top* of all placed ones that it conflicts with, gives the same plan. So
//! it is enough to try every such sequence, and every way to cut the wishes into chains:
//!
//! - offsets never fall along the sequence; chains at equal offsets come by rising index;
//! - if some buffer would fit wholly below the next offset, the sequence wastes that room: cut;
//! - at step `t` all that remains must sit above `max(height(t), offset)`: cut when that cannot beat the best.
//!
//! Bounded by counted work; when that runs out, the best plan so far stands, unproved.

use core::ops::ControlFlow;

use super::{
    Buffer, Plan,
    layout::{Chain, Layout, Placed},
};

/// Larger problems are left to the hill climb.
const MAX_BUFFERS: usize = 24;
/// Ways to share, over all buffers; more are left out.
const MAX_CHAINS: usize = 1_000;
/// Chains tried on top of a partial plan, all together.
const WORK: usize = 1_000_000;

/// The best plan with an arena smaller than `below`; stops when `floor` is met.
///
/// Nothing if there is none, the problem is too large, or the work ran out before one was found.
pub(super) fn plan(layout: &Layout<'_>, floor: u32, below: u32) -> Option<Plan> {
    let solid = layout.buffers().iter().filter(|b| b.size > 0).count();
    if solid > MAX_BUFFERS {
        return None;
    }
    let mut search = Search::new(layout, floor.into(), below.into());
    // Breaking off means the floor is met or the work is spent: both leave the best in place.
    let _ = search.dive(&Partial::empty(&search));
    layout.finish("exact", &search.found?)
}

/// A chain that may be placed as one.
struct Unit {
    chain: Chain,
    /// The buffers in it, as a set of indices into `Search::solid`.
    mask: u32,
    align: i64,
    /// (index of a step, bytes used then), where it is live.
    heights: Vec<(usize, i64)>,
}

struct Search<'a> {
    layout: &'a Layout<'a>,
    /// Buffers that take space.
    solid: Vec<usize>,
    /// The steps at which some buffer begins; nothing peaks elsewhere.
    steps: Vec<u32>,
    units: Vec<Unit>,
    /// The smallest alignment: all offsets are multiples of it.
    grain: i64,
    /// Largest padding to `grain` of a buffer, by step.
    pad: Vec<i64>,
    floor: i64,
    best: i64,
    found: Option<Placed>,
    work: usize,
}

/// Some units placed, by rising offset.
#[derive(Clone)]
struct Partial {
    placed: u32,
    /// The last unit placed, as (offset, index).
    last: Option<(i64, usize)>,
    offsets: Vec<i64>,
    /// Top of what is placed, by step.
    height: Vec<i64>,
}

impl Partial {
    fn empty(search: &Search<'_>) -> Self {
        let offsets = vec![0; search.layout.buffers().len()];
        Self { placed: 0, last: None, offsets, height: vec![0; search.steps.len()] }
    }

    /// Where a unit lands: on top of all it conflicts with.
    fn rest(&self, unit: &Unit) -> i64 {
        let top = unit.heights.iter().map(|&(t, _)| self.height[t]).max().unwrap_or(0);
        round_up(top, unit.align)
    }

    fn with(&self, unit: &Unit, index: usize, offset: i64) -> Self {
        let mut next = self.clone();
        next.placed |= unit.mask;
        next.last = Some((offset, index));
        for &m in &unit.chain {
            next.offsets[m] = offset;
        }
        for &(t, height) in &unit.heights {
            next.height[t] = offset + height;
        }
        next
    }
}

impl<'a> Search<'a> {
    fn new(layout: &'a Layout<'a>, floor: i64, below: i64) -> Self {
        let buffers = layout.buffers();
        let solid: Vec<usize> = (0..buffers.len()).filter(|&i| buffers[i].size > 0).collect();
        let mut steps: Vec<u32> = solid.iter().map(|&i| buffers[i].first).collect();
        steps.sort_unstable();
        steps.dedup();
        let grain = solid.iter().map(|&i| i64::from(buffers[i].align)).min().unwrap_or(1);
        let padding = |b: &Buffer| round_up(b.size.into(), grain) - i64::from(b.size);
        let live = |t: &u32| solid.iter().map(|&i| &buffers[i]).filter(|b| b.life().contains(t)).map(padding).max();
        let pad = steps.iter().map(|t| live(t).unwrap_or(0)).collect();
        let mut search =
            Self { layout, solid, steps, units: Vec::new(), grain, pad, floor, best: below, found: None, work: WORK };
        search.units = chains(layout, &search.solid).into_iter().map(|chain| search.unit(chain)).collect();
        search
    }

    fn unit(&self, chain: Chain) -> Unit {
        let members = || chain.iter().map(|&m| &self.layout.buffers()[m]);
        let height = |t: u32| members().filter(|b| b.life().contains(&t)).map(|b| i64::from(b.size)).max();
        let heights = self.steps.iter().enumerate().filter_map(|(k, &t)| Some((k, height(t)?))).collect();
        let bits = self.solid.iter().enumerate().filter(|(_, i)| chain.contains(i)).map(|(bit, _)| 1 << bit);
        Unit { mask: bits.sum(), align: self.layout.align(&chain), heights, chain }
    }

    /// Tries everything on top of `state`; breaks when there is no reason to go on.
    fn dive(&mut self, state: &Partial) -> ControlFlow<()> {
        let arena = state.height.iter().copied().max().unwrap_or(0);
        if state.placed.count_ones() as usize == self.solid.len() {
            if arena < self.best {
                self.best = arena;
                self.found = Some(Placed { offsets: state.offsets.clone(), arena });
            }
            return if self.best <= self.floor { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        }
        for (offset, index) in self.candidates(state) {
            self.work = match self.work.checked_sub(self.units.len()) {
                Some(left) => left,
                None => return ControlFlow::Break(()),
            };
            let next = state.with(&self.units[index], index, offset);
            if self.bound(&next, offset) < self.best {
                self.dive(&next)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The units that may come next, as (offset, index), lowest first.
    fn candidates(&self, state: &Partial) -> Vec<(i64, usize)> {
        let free = || self.units.iter().enumerate().filter(|(_, unit)| unit.mask & state.placed == 0);
        let rests: Vec<(i64, usize)> = free().map(|(index, unit)| (state.rest(unit), index)).collect();
        let end = |&(at, index): &(i64, usize)| at + i64::from(self.layout.buffers()[self.units[index].chain[0]].size);
        let single = |&&(_, index): &&(i64, usize)| self.units[index].chain.len() == 1;
        let limit = rests.iter().filter(single).map(end).min().unwrap_or(i64::MAX);
        let mut fit: Vec<_> = rests.into_iter().filter(|&c| Some(c) > state.last && c.0 < limit).collect();
        fit.sort_unstable();
        fit
    }

    /// What the arena will be at least, if all that remains sits at `offset` or above.
    fn bound(&self, state: &Partial, offset: i64) -> i64 {
        let buffers = self.layout.buffers();
        let rest = || self.solid.iter().enumerate().filter(|(bit, _)| state.placed >> bit & 1 == 0).map(|(_, &i)| i);
        // An output that may still be written over an input might take no space at its first step.
        let left = |i: usize| rest().any(|other| other == i);
        let free = |i: usize| self.layout.usable().iter().any(|w| w.output == i && left(w.input));
        let starts: Vec<(&Buffer, i64, bool)> =
            rest().map(|i| (&buffers[i], round_up(buffers[i].size.into(), self.grain), free(i))).collect();
        let at = |(k, &t): (usize, &u32)| {
            let here = starts.iter().filter(|(b, _, free)| b.life().contains(&t) && !(*free && b.first == t));
            let sum: i64 = here.map(|&(_, size, _)| size).sum();
            if sum == 0 {
                state.height[k]
            } else {
                round_up(state.height[k].max(offset), self.grain) + sum - self.pad[k]
            }
        };
        self.steps.iter().enumerate().map(at).max().unwrap_or(0)
    }
}

/// Every run of buffers that the wishes allow at one offset, longest first: sharing is tried before not.
fn chains(layout: &Layout<'_>, solid: &[usize]) -> Vec<Chain> {
    let mut all: Vec<Chain> = solid.iter().map(|&i| vec![i]).collect();
    let mut at = 0;
    while at < all.len() && all.len() < MAX_CHAINS {
        let last = all[at].last().copied();
        for wish in layout.usable().iter().filter(|w| Some(w.input) == last) {
            let mut longer = all[at].clone();
            longer.push(wish.output);
            if !all.contains(&longer) {
                all.push(longer);
            }
        }
        at += 1;
    }
    all.sort_by_key(|chain| core::cmp::Reverse(chain.len()));
    all
}

/// `value` is not negative, `to` a power of two.
fn round_up(value: i64, to: i64) -> i64 {
    (value + to - 1) & -to
}
