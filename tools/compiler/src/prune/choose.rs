//! Which channels go: in each family the ones of least loss, among families where an operation saved costs least.

use super::channels::Structure;
use super::loss::Losing;
use super::remove::{Removed, macs, remove};
use super::units::Unit;
use super::{Options, PruneError};
use crate::ir::Graph;
use std::collections::BTreeMap;

/// A layer that reads channels, with the units of its windows' elements.
pub(super) struct Reader {
    pub(super) losing: Losing,
    pub(super) units: Vec<Unit>,
}

/// Sets of units that the same layers make, as they go, with what each adds to the loss.
struct Family {
    order: Vec<(Unit, f64)>,
    width: usize,
    gone: usize,
}

impl Family {
    /// How many sets go next, so that the width stays a multiple; nothing if the last multiple is reached.
    fn next(&self, multiple: usize) -> Option<usize> {
        let width = self.width - self.gone;
        let step = if width.is_multiple_of(multiple) { multiple } else { width % multiple };
        (width > step && width - step >= multiple).then_some(step)
    }
}

/// Removes channels until at most so many operations are left.
pub(super) fn choose(
    graph: &Graph,
    structure: &Structure,
    readers: &[Reader],
    options: &Options,
) -> Result<Removed, PruneError> {
    let mut families = families(structure, readers, options.multiple);
    let mut removed = Removed::none(structure);
    let before = macs(graph);
    let wanted = (before as f64 * options.ops) as u64;
    let mut left = before;
    while left > wanted {
        let mut best: Option<(f64, usize, u64)> = None;
        for (i, family) in families.iter().enumerate() {
            let Some(step) = family.next(options.multiple) else { continue };
            let goes = &family.order[family.gone..family.gone + step];
            goes.iter().for_each(|g| removed.set(g.0, true));
            let after = macs(&remove(graph, structure, &removed)?);
            goes.iter().for_each(|g| removed.set(g.0, false));
            let loss: f64 = goes.iter().map(|g| g.1).sum();
            let price = loss / (left - after) as f64;
            if after < left && best.is_none_or(|b| price < b.0) {
                best = Some((price, i, after));
            }
        }
        let Some((_, i, after)) = best else {
            return Err(PruneError::ratio(structure, options, left as f64 / before.max(1) as f64));
        };
        let step = families[i].next(options.multiple).unwrap_or(0);
        let gone = families[i].gone;
        families[i].order[gone..gone + step].iter().for_each(|g| removed.set(g.0, true));
        families[i].gone += step;
        left = after;
    }
    Ok(removed)
}

/// Every family that may lose something.
fn families(structure: &Structure, readers: &[Reader], multiple: usize) -> Vec<Family> {
    let mut known: Vec<Vec<Unit>> = Vec::new();
    for (_, units) in &structure.makers {
        let free = units.iter().map(|&u| structure.units.root(u)).filter(|&u| structure.units.pinned(u).is_none());
        let mut own: Vec<Unit> = free.collect();
        let (same, others): (Vec<_>, Vec<_>) = known.into_iter().partition(|k| k.iter().any(|u| own.contains(u)));
        known = others;
        own.extend(same.into_iter().flatten());
        own.sort_unstable();
        own.dedup();
        known.push(own);
    }
    known.retain(|k| k.len() > multiple);
    known
        .iter()
        .map(|sets| Family { order: order(structure, readers, sets, multiple), width: sets.len(), gone: 0 })
        .collect()
}

/// The order in which sets of units go, all but `least`.
fn order(structure: &Structure, readers: &[Reader], sets: &[Unit], least: usize) -> Vec<(Unit, f64)> {
    // Of each reader that the family concerns, the elements of each set.
    let mut losing: Vec<(Losing, BTreeMap<Unit, Vec<usize>>)> = Vec::new();
    for reader in readers {
        let mut elements: BTreeMap<Unit, Vec<usize>> = BTreeMap::new();
        for (k, &unit) in reader.units.iter().enumerate() {
            elements.entry(structure.units.root(unit)).or_default().push(k);
        }
        elements.retain(|u, _| sets.contains(u));
        if !elements.is_empty() {
            losing.push((reader.losing.clone(), elements));
        }
    }
    let mut left = sets.to_vec();
    let mut order = Vec::new();
    while left.len() > least {
        let loss = |u: &Unit| losing.iter().filter_map(|(l, e)| Some(l.loss(e.get(u)?))).sum::<f64>();
        let losses: Vec<f64> = left.iter().map(loss).collect();
        let Some(i) = (0..left.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])) else { break };
        let unit = left.remove(i);
        for (l, elements) in &mut losing {
            if let Some(s) = elements.get(&unit) {
                l.lose(s);
            }
        }
        order.push((unit, losses[i]));
    }
    order
}
