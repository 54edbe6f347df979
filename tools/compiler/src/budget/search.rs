//! The walk along the front: artifacts are made and judged until one keeps the limits, or none can.

use super::journal::Journal;
use super::knapsack::{Choice, Item, front};
use super::{BudgetError, Candidate, Constraint, Figures, Limits, Outcome, Relief, Request};
use crate::lower::Lowered;
use crate::progress::Progress;
use crate::quantize::{Sensitivity, Widths};

/// How often a prediction of bytes is corrected, and how many layers are raised one after another.
const TRIES: usize = 8;
/// Bisection ends where two artifacts differ by less than this part of their bytes.
const CLOSE: f64 = 0.01;
/// The weaker limit of flash that is looked at.
const MORE: f64 = 1.1;

/// A search under way.
pub(super) struct Search<'a, 'b> {
    request: &'a Request<'a>,
    journal: &'b mut Journal,
    sensitivity: &'b Sensitivity,
    progress: &'b mut dyn Progress,
    /// What predictions of bytes are counted from: the artifact with all layers at 8 bits.
    base: u64,
    /// The last artifact that was made.
    made: Option<(Vec<u8>, Lowered)>,
}

/// What was decided.
struct Decision {
    bits: Vec<u8>,
    met: bool,
    binds: Option<Constraint>,
    reliefs: Vec<Relief>,
}

impl<'a, 'b> Search<'a, 'b> {
    pub(super) fn new(
        request: &'a Request<'a>,
        journal: &'b mut Journal,
        sensitivity: &'b Sensitivity,
        progress: &'b mut dyn Progress,
    ) -> Search<'a, 'b> {
        Search { request, journal, sensitivity, progress, base: 0, made: None }
    }

    pub(super) fn run(&mut self) -> Result<Outcome, BudgetError> {
        let eight = vec![8; self.sensitivity.layers.len()];
        self.base = self.measure(&eight)?.bytes;
        let Limits { flash, arena, drop } = self.request.limits;
        let front = front(&self.items(arena));
        let decision = match (front.last(), flash, drop) {
            (None, _, _) => self.too_little_arena(eight)?,
            (Some(_), Some(flash), _) => self.within(flash, &front)?,
            (Some(_), None, Some(drop)) => self.smallest(drop, &front)?,
            (Some(best), None, None) => self.judged(best.bits.clone())?,
        };
        self.finish(decision)
    }

    /// What each width of each layer takes, those left out that need more arena.
    fn items(&self, arena: Option<u64>) -> Vec<Vec<Item>> {
        let fits = |bytes: u32| arena.is_none_or(|most| u64::from(bytes) <= most);
        let each = self.sensitivity.layers.iter().map(|layer| {
            let costs = layer.costs.iter().filter(|c| fits(c.arena));
            // Less loss than at 8 bits is chance, and not worth a byte.
            costs.map(|c| Item { bits: c.bits, bytes: c.bytes, loss: c.loss.max(0.0) }).collect()
        });
        each.collect()
    }

    /// Makes an artifact and judges it, unless that was done.
    fn measure(&mut self, bits: &[u8]) -> Result<Figures, BudgetError> {
        if let Some(known) = self.journal.figures(bits) {
            return Ok(known);
        }
        let lowered = self.make(bits)?;
        let [value, drop] = self.request.judge.measure(&lowered, self.progress)?;
        let figures = Figures { bytes: lowered.file.len() as u64, arena: lowered.arena.into(), value, drop };
        self.made = Some((bits.to_vec(), lowered));
        self.journal.add(bits, figures)?;
        Ok(figures)
    }

    fn make(&mut self, bits: &[u8]) -> Result<Lowered, BudgetError> {
        let mut options = self.request.options.clone();
        let names = self.sensitivity.layers.iter().map(|l| l.name.clone());
        options.quantize.widths = Widths { layers: names.zip(bits.iter().copied()).collect(), ..Widths::default() };
        let digits: String = bits.iter().map(u8::to_string).collect();
        options.recipe = format!("{} w{digits}", options.recipe);
        Ok(self.request.source.compress(&options, Some(self.request.fit), self.progress)?)
    }

    /// The most faithful artifact that fits, raised where bytes are left while its drop is too great.
    fn within(&mut self, flash: u64, front: &[Choice]) -> Result<Decision, BudgetError> {
        let mut room = flash as i64 - self.base as i64;
        let mut choice = &front[0];
        let mut figures = None;
        for _ in 0..TRIES {
            choice = front.iter().rev().find(|c| c.bytes <= room).unwrap_or(&front[0]);
            let found = self.measure(&choice.bits)?;
            if found.bytes <= flash || choice.bits == front[0].bits {
                figures = Some(found);
                break;
            }
            // Files are not quite the sum of their layers.
            room = choice.bytes - (found.bytes - flash) as i64;
        }
        let figures = match figures {
            Some(figures) => figures,
            None => self.measure(&choice.bits)?,
        };
        let mut limits = self.request.limits;
        limits.drop = None;
        if let Some(held) = figures.breaks(&limits) {
            let limit = if held == Constraint::Flash { figures.bytes } else { figures.arena } as f64;
            let relief = Relief { constraint: held, ..self.measured(Constraint::Flash, limit, &choice.bits, figures) };
            return Ok(Decision { bits: choice.bits.clone(), met: false, binds: Some(held), reliefs: vec![relief] });
        }
        let bits = self.raise(choice.bits.clone(), figures)?;
        if self.measure(&bits)?.breaks(&self.request.limits).is_some() {
            return self.flash_that_meets(bits, front);
        }
        let reliefs = self.more_room(flash, front, &choice.bits);
        let binds = reliefs.first().map(|r| r.constraint);
        Ok(Decision { bits, met: true, binds, reliefs })
    }

    /// Raises the layer of the greatest predicted loss that has room for it, until the drop is met or nothing has room.
    fn raise(&mut self, mut bits: Vec<u8>, mut figures: Figures) -> Result<Vec<u8>, BudgetError> {
        let limits = self.request.limits;
        for _ in 0..TRIES {
            if figures.breaks(&limits) != Some(Constraint::Drop) {
                break;
            }
            let left = limits.flash.unwrap_or(u64::MAX).saturating_sub(figures.bytes);
            let Some(raised) = self.raised(&bits, left) else { break };
            let found = self.measure(&raised)?;
            if matches!(found.breaks(&limits), Some(Constraint::Flash | Constraint::Arena)) {
                break;
            }
            (bits, figures) = (raised, found);
        }
        Ok(bits)
    }

    /// The same widths but for the worst layer that can be one wider within `left` bytes.
    fn raised(&self, bits: &[u8], left: u64) -> Option<Vec<u8>> {
        let items = self.items(self.request.limits.arena);
        let at = |layer: usize, bits: u8| items[layer].iter().find(|i| i.bits == bits);
        let step = |layer: usize| {
            let wider = Sensitivity::WIDTHS.iter().rev().copied().find(|&b| b > bits[layer])?;
            let (now, then) = (at(layer, bits[layer])?, at(layer, wider)?);
            ((then.bytes - now.bytes) as i128 <= i128::from(left)).then_some((layer, wider, now.loss))
        };
        let (layer, wider, _) = (0..bits.len()).filter_map(step).max_by(|a, b| a.2.total_cmp(&b.2))?;
        let mut raised = bits.to_vec();
        raised[layer] = wider;
        Some(raised)
    }

    /// Nothing within the limit of flash meets the drop: what would.
    fn flash_that_meets(&mut self, bits: Vec<u8>, front: &[Choice]) -> Result<Decision, BudgetError> {
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

    /// The smallest artifact that meets the drop.
    fn smallest(&mut self, drop: f64, front: &[Choice]) -> Result<Decision, BudgetError> {
        let Some((choice, below)) = self.bisect(drop, front, 0)? else {
            let best = self.least_drop();
            let figures = self.measure(&best)?;
            let reliefs = vec![self.measured(Constraint::Drop, figures.drop, &best, figures)];
            return Ok(Decision { bits: best, met: false, binds: Some(Constraint::Drop), reliefs });
        };
        let mut decision = self.judged(choice.bits)?;
        if let Some(below) = below {
            let figures = self.measure(&below.bits)?;
            decision.binds = decision.binds.or(Some(Constraint::Drop));
            decision.reliefs.push(self.measured(Constraint::Drop, figures.drop, &below.bits, figures));
        }
        Ok(decision)
    }

    /// The smallest choice from `first` on that meets the drop, and the greatest below that was seen not to. Drops of neighbours
    /// are not in order, so what is found is a choice that meets the drop beside one that does not.
    fn bisect(
        &mut self,
        drop: f64,
        front: &[Choice],
        first: usize,
    ) -> Result<Option<(Choice, Option<Choice>)>, BudgetError> {
        let Some(last) = front.len().checked_sub(1).filter(|&last| first <= last) else { return Ok(None) };
        if self.measure(&front[last].bits)?.drop > drop {
            return Ok(None);
        }
        let mut fails = None;
        let (mut low, mut high) = (first, last);
        if low < high {
            if self.measure(&front[low].bits)?.drop <= drop {
                return Ok(Some((front[low].clone(), None)));
            }
            fails = Some(low);
        }
        while high > low + 1 && (front[high].bytes - front[low].bytes) as f64 > CLOSE * self.base as f64 {
            let half = (front[low].bytes + front[high].bytes) / 2;
            let middle = front.partition_point(|c| c.bytes < half).clamp(low + 1, high - 1);
            if self.measure(&front[middle].bits)?.drop <= drop {
                high = middle;
            } else {
                (low, fails) = (middle, Some(middle));
            }
        }
        Ok(Some((front[high].clone(), fails.map(|i| front[i].clone()))))
    }

    /// Of all artifacts that were made, the one that lost least, the smallest of equals.
    fn least_drop(&self) -> Vec<u8> {
        let all = self.journal.all().iter();
        let least = all.min_by(|a, b| a.1.drop.total_cmp(&b.1.drop).then(a.1.bytes.cmp(&b.1.bytes)));
        least.map(|(bits, _)| bits.clone()).unwrap_or_default()
    }

    /// All layers at 8 bits take more arena than there is; fewer bits would take as much or more.
    fn too_little_arena(&mut self, eight: Vec<u8>) -> Result<Decision, BudgetError> {
        let figures = self.measure(&eight)?;
        let reliefs = vec![self.measured(Constraint::Arena, figures.arena as f64, &eight, figures)];
        Ok(Decision { bits: eight, met: false, binds: Some(Constraint::Arena), reliefs })
    }

    /// A choice that only has to keep what it was not chosen by.
    fn judged(&mut self, bits: Vec<u8>) -> Result<Decision, BudgetError> {
        let figures = self.measure(&bits)?;
        let held = figures.breaks(&self.request.limits);
        let free = self.items(None);
        let best = front(&free).last().map_or(0.0, |c| c.loss);
        let arena = self.request.limits.arena.filter(|_| best < self.loss(&bits)).map(|_| Constraint::Arena);
        Ok(Decision { bits, met: held.is_none(), binds: held.or(arena), reliefs: Vec::new() })
    }

    /// What more flash, and what more arena would buy, by prediction; the limit that binds comes first.
    fn more_room(&self, flash: u64, now: &[Choice], bits: &[u8]) -> Vec<Relief> {
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

    fn loss(&self, bits: &[u8]) -> f64 {
        let each = self.items(None).into_iter().zip(bits);
        each.filter_map(|(items, b)| items.into_iter().find(|i| i.bits == *b)).map(|i| i.loss).sum()
    }

    fn measured(&self, constraint: Constraint, limit: f64, bits: &[u8], figures: Figures) -> Relief {
        Relief { constraint, limit, bytes: figures.bytes, loss: self.loss(bits), drop: Some(figures.drop) }
    }

    fn finish(&mut self, decision: Decision) -> Result<Outcome, BudgetError> {
        let Decision { bits, met, binds, reliefs } = decision;
        let made = self.made.take().filter(|(made, _)| met && *made == bits).map(|(_, lowered)| lowered);
        let lowered = match made {
            None if met => Some(self.make(&bits)?),
            made => made,
        };
        let all: Vec<(Vec<u8>, Figures)> = self.journal.all().to_vec();
        let better =
            |a: &Figures, b: &Figures| a.bytes <= b.bytes && a.drop <= b.drop && (a.bytes, a.drop) != (b.bytes, b.drop);
        let mut walked: Vec<Candidate> = all
            .iter()
            .map(|(bits, figures)| Candidate {
                bits: bits.clone(),
                figures: *figures,
                loss: self.loss(bits),
                undominated: !all.iter().any(|(_, other)| better(other, figures)),
            })
            .collect();
        walked.sort_by(|a, b| a.figures.bytes.cmp(&b.figures.bytes).then_with(|| a.bits.cmp(&b.bits)));
        let taken = walked.iter().position(|c| c.bits == bits).unwrap_or(0);
        Ok(Outcome { sensitivity: self.sensitivity.clone(), walked, taken, lowered, binds, reliefs })
    }
}
