//! What weaker limits would buy, predicted or measured.

use super::knapsack::{Choice, front};
use super::search::{Decision, Search};
use super::{BudgetError, Constraint, Figures, Outcome, Relief};

/// The weaker limit of flash that is looked at.
const MORE: f64 = 1.1;

impl Search<'_, '_> {
    /// What more flash, and what more arena would buy, by prediction; the limit that binds comes first.
    pub(super) fn more_room(&self, flash: u64, now: &[Choice], bits: &[u8]) -> Vec<Relief> {
        let loss = self.loss(bits);
        let room = |flash: f64| flash as i64 - self.base as i64;
        let best = |front: &[Choice], room: i64| front.iter().rev().find(|c| c.bytes <= room).cloned();
        let relief = |constraint, limit, choice: Choice| Relief {
            constraint,
            limit,
            bytes: (self.base as i64 + choice.bytes).max(0) as u64,
            loss: choice.loss,
            drop: None,
        };
        let more = flash as f64 * MORE;
        let by_flash = best(now, room(more)).map(|c| relief(Constraint::Flash, more.floor(), c));
        let by_arena = self.request.limits.arena.and_then(|_| {
            let choice = best(&front(&self.items(None)), room(flash as f64))?;
            Some(relief(Constraint::Arena, self.arena(&choice.bits) as f64, choice))
        });
        let mut reliefs: Vec<Relief> = by_flash.into_iter().chain(by_arena).filter(|r| r.loss < loss).collect();
        reliefs.sort_by(|a, b| a.loss.total_cmp(&b.loss));
        reliefs
    }

    /// The arena that a choice is predicted to need: a layer is unpacked while it runs, and only then.
    fn arena(&self, bits: &[u8]) -> u64 {
        let each = self.sensitivity.layers.iter().zip(bits);
        let each = each.filter_map(|(l, b)| l.costs.iter().find(|c| c.bits == *b)).map(|c| u64::from(c.arena));
        each.max().unwrap_or(0)
    }

    pub(super) fn loss(&self, bits: &[u8]) -> f64 {
        let each = self.items(None).into_iter().zip(bits);
        each.filter_map(|(items, b)| items.into_iter().find(|i| i.bits == *b)).map(|i| i.loss).sum()
    }

    pub(super) fn measured(&self, constraint: Constraint, limit: f64, bits: &[u8], figures: Figures) -> Relief {
        Relief { constraint, limit, bytes: figures.bytes, loss: self.loss(bits), drop: Some(figures.drop) }
    }

    /// Nothing within the limit of flash meets the drop: what would.
    pub(super) fn flash_that_meets(&mut self, bits: Vec<u8>, front: &[Choice]) -> Result<Decision, BudgetError> {
        let figures = self.measure(&bits)?;
        let mut reliefs = vec![self.measured(Constraint::Drop, figures.drop, &bits, figures)];
        let drop = self.request.limits.drop.unwrap_or(f64::INFINITY);
        let above = front.partition_point(|c| self.base as i64 + c.bytes <= figures.bytes as i64);
        let binds = match self.bisect(drop, front, above)? {
            Some((choice, _)) => {
                let found = self.measure(&choice.bits)?;
                reliefs.insert(0, self.measured(Constraint::Flash, found.bytes as f64, &choice.bits, found));
                Constraint::Flash
            }
            None => Constraint::Drop,
        };
        Ok(Decision { bits, met: false, binds: Some(binds), reliefs })
    }

    /// All layers at 8 bits take more arena than there is; fewer bits would take as much or more.
    pub(super) fn too_little_arena(&mut self, eight: Vec<u8>) -> Result<Decision, BudgetError> {
        let figures = self.measure(&eight)?;
        let reliefs = vec![self.measured(Constraint::Arena, figures.arena as f64, &eight, figures)];
        Ok(Decision { bits: eight, met: false, binds: Some(Constraint::Arena), reliefs })
    }

    /// Few points of a front, the ends among them.
    pub(super) fn thinned(&self, front: &[Choice]) -> Vec<(u64, f64)> {
        let last = front.len().saturating_sub(1);
        let count = front.len().min(Outcome::FRONT);
        let at = |k: usize| &front[k * last / (count - 1).max(1)];
        (0..count).map(at).map(|c| ((self.base as i64 + c.bytes).max(0) as u64, c.loss)).collect()
    }
}
