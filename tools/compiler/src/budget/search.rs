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
/// A search under way.
pub(super) struct Search<'a, 'b> {
    pub(super) request: &'a Request<'a>,
    journal: &'b mut Journal,
    pub(super) sensitivity: &'b Sensitivity,
    progress: &'b mut dyn Progress,
    /// What predictions of bytes are counted from: the artifact with all layers at 8 bits.
    pub(super) base: u64,
    /// The last artifact that was made.
    made: Option<(Vec<u8>, Lowered)>,
}

/// What was decided.
pub(super) struct Decision {
    pub(super) bits: Vec<u8>,
    pub(super) met: bool,
    pub(super) binds: Option<Constraint>,
    pub(super) reliefs: Vec<Relief>,
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
        self.finish(decision, &front)
    }

    /// What each width of each layer takes, those left out that need more arena.
    pub(super) fn items(&self, arena: Option<u64>) -> Vec<Vec<Item>> {
        let fits = |bytes: u32| arena.is_none_or(|most| u64::from(bytes) <= most);
        let each = self.sensitivity.layers.iter().map(|layer| {
            let costs = layer.costs.iter().filter(|c| fits(c.arena));
            // Less loss than at 8 bits is chance, and not worth a byte.
            costs.map(|c| Item { bits: c.bits, bytes: c.bytes, loss: c.loss.max(0.0) }).collect()
        });
        each.collect()
    }

    /// Makes an artifact and judges it, unless that was done.
    pub(super) fn measure(&mut self, bits: &[u8]) -> Result<Figures, BudgetError> {
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
        let choice = self.largest(flash, front)?;
        let figures = self.measure(&choice.bits)?;
        let limits = Limits { drop: None, ..self.request.limits };
        if let Some(held) = figures.breaks(&limits) {
            let limit = if held == Constraint::Flash { figures.bytes } else { figures.arena } as f64;
            let reliefs = vec![self.measured(held, limit, &choice.bits, figures)];
            return Ok(Decision { bits: choice.bits, met: false, binds: Some(held), reliefs });
        }
        let bits = self.raise(choice.bits.clone(), figures)?;
        if self.measure(&bits)?.breaks(&self.request.limits).is_some() {
            return self.flash_that_meets(bits, front);
        }
        let reliefs = self.more_room(flash, front, &choice.bits);
        let binds = reliefs.first().map(|r| r.constraint);
        Ok(Decision { bits, met: true, binds, reliefs })
    }

    /// The choice of least predicted loss whose file fits, or else the smallest. Files are not quite the sum of their layers: what one
    /// has left, or takes too much, moves the next.
    fn largest(&mut self, flash: u64, front: &[Choice]) -> Result<Choice, BudgetError> {
        let mut room = flash as i64 - self.base as i64;
        let mut fitting: Option<&Choice> = None;
        for _ in 0..TRIES {
            let choice = front.iter().rev().find(|c| c.bytes <= room).unwrap_or(&front[0]);
            if fitting.is_some_and(|f| f.loss <= choice.loss) {
                break;
            }
            let left = flash as i64 - self.measure(&choice.bits)?.bytes as i64;
            if left >= 0 {
                fitting = Some(choice);
            } else if choice.bits == front[0].bits {
                break;
            }
            room = choice.bytes + left;
        }
        Ok(fitting.unwrap_or(&front[0]).clone())
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

    /// The smallest artifact that meets the drop.
    fn smallest(&mut self, drop: f64, front: &[Choice]) -> Result<Decision, BudgetError> {
        let Some((choice, below)) = self.bisect(drop, front, 0)? else {
            let best = self.least_drop();
            let figures = self.measure(&best)?;
            let reliefs = vec![self.measured(Constraint::Drop, figures.drop, &best, figures)];
            return Ok(Decision { bits: best, met: false, binds: Some(Constraint::Drop), reliefs });
        };
        let limits = self.request.limits;
        let kept = |f: &Figures| f.breaks(&limits).is_none();
        let smallest = self.journal.all().iter().filter(|(_, f)| kept(f)).min_by_key(|(_, f)| f.bytes);
        let bits = smallest.map_or(choice.bits, |(bits, _)| bits.clone());
        let taken = self.measure(&bits)?.bytes;
        let mut decision = self.judged(bits)?;
        if let Some(below) = below {
            // The nearest below that was seen to fail, wherever the bisection ended.
            let failed = self.journal.all().iter().filter(|(_, f)| f.drops_more(drop) && f.bytes < taken);
            let below = failed.max_by_key(|(_, f)| f.bytes).map_or(below.bits, |(bits, _)| bits.clone());
            let figures = self.measure(&below)?;
            decision.binds = decision.binds.or(Some(Constraint::Drop));
            decision.reliefs.push(self.measured(Constraint::Drop, figures.drop, &below, figures));
        }
        Ok(decision)
    }

    /// The smallest choice from `first` on that meets the drop, and the greatest below that was seen not to. Drops of neighbours
    /// are not in order, so what is found is a choice that meets the drop beside one that does not.
    pub(super) fn bisect(
        &mut self,
        drop: f64,
        front: &[Choice],
        first: usize,
    ) -> Result<Option<(Choice, Option<Choice>)>, BudgetError> {
        let Some(last) = front.len().checked_sub(1).filter(|&last| first <= last) else { return Ok(None) };
        if self.measure(&front[last].bits)?.drops_more(drop) {
            return Ok(None);
        }
        let mut fails = None;
        let (mut low, mut high) = (first, last);
        if low < high {
            if !self.measure(&front[low].bits)?.drops_more(drop) {
                return Ok(Some((front[low].clone(), None)));
            }
            fails = Some(low);
        }
        while high > low + 1 && (front[high].bytes - front[low].bytes) as f64 > CLOSE * self.base as f64 {
            let half = (front[low].bytes + front[high].bytes) / 2;
            let middle = front.partition_point(|c| c.bytes < half).clamp(low + 1, high - 1);
            if !self.measure(&front[middle].bits)?.drops_more(drop) {
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

    /// A choice that only has to keep what it was not chosen by.
    fn judged(&mut self, bits: Vec<u8>) -> Result<Decision, BudgetError> {
        let figures = self.measure(&bits)?;
        let held = figures.breaks(&self.request.limits);
        let free = self.items(None);
        let best = front(&free).last().map_or(0.0, |c| c.loss);
        let arena = self.request.limits.arena.filter(|_| best < self.loss(&bits)).map(|_| Constraint::Arena);
        Ok(Decision { bits, met: held.is_none(), binds: held.or(arena), reliefs: Vec::new() })
    }

    fn finish(&mut self, decision: Decision, front: &[Choice]) -> Result<Outcome, BudgetError> {
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
        let front = self.thinned(front);
        Ok(Outcome { sensitivity: self.sensitivity.clone(), walked, taken, lowered, binds, reliefs, front })
    }
}
