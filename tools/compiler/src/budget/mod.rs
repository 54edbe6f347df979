//! Mixed precision within a budget: how many bits each layer's weights have, so that file, arena and accuracy keep their limits.
//!
//! ```text
//! sensitivity -> knapsack: Pareto front of (bytes, loss) -> artifacts along it, lowered and judged -> the one that is taken
//! ```
//!
//! | limits | what is taken |
//! |---|---|
//! | flash, and any others | of what fits, the artifact of least predicted loss; while its drop is too great and bytes are left, the worst layer is raised |
//! | drop without flash | of those that a bisection of the front meets, the smallest artifact whose drop is small enough |
//! | arena alone | the artifact of least predicted loss |
//!
//! The order of the front is decided by calibration data alone. Data that judge (`--eval`) say of an artifact whether its drop is too
//! great, and nothing else; how often they were asked is reported, since each question spends some of what a small set can tell.
//!
//! Invariants: every figure that a limit is held against is of a file that was made: its bytes, its arena, its outputs on the kernels that ship.
//!
//! What is absent: activations of other than 8 bits, pruning, and equalization of layers that get few bits.

mod journal;
mod judge;
mod knapsack;
mod limits;
mod relief;
mod search;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
mod tests;

pub use judge::Judge;
pub use limits::{Constraint, Limits};

use crate::compress::{CompressError, Options, Source};
use crate::data::{DataError, Dataset};
use crate::eval::EvalError;
use crate::lower::Lowered;
use crate::progress::Progress;
use crate::quantize::{QuantizeError, Sensitivity};
use journal::Journal;
use search::Search;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// What is searched.
#[derive(Debug)]
pub struct Request<'a> {
    /// The float model.
    pub source: &'a Source,
    /// How it is compressed but for widths.
    pub options: &'a Options,
    /// What the artifact must keep.
    pub limits: Limits,
    /// Data to fit by: ranges, rounding, sensitivity.
    pub fit: &'a Dataset,
    /// What says how much was lost.
    pub judge: Judge<'a>,
    /// Where measurements are kept while the search runs; a search that was killed goes on from there.
    pub journal: Option<PathBuf>,
}

/// Why nothing can be searched.
#[derive(Debug, thiserror::Error)]
pub enum BudgetError {
    /// An artifact cannot be made.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// The layers cannot be measured.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// The data, or the journal.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data that judge.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The runtime's refusal.
    #[error("the model cannot be run: {0}")]
    Runtime(#[from] siskin::Error),
    /// The model came with its integers.
    #[error(
        "the model came quantized: a budget chooses the bits of a float model's weights: leave it out, or give the float model"
    )]
    Quantized,
}

/// An artifact that was made and judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Bits of each layer, in the order of [`Sensitivity::layers`].
    pub bits: Vec<u8>,
    /// What was measured.
    pub figures: Figures,
    /// The loss that the sensitivity of its layers adds up to.
    pub loss: f64,
    /// Whether no other that was made has fewer bytes and no greater drop.
    pub undominated: bool,
}

/// What was measured of an artifact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of arena.
    pub arena: u64,
    /// The judge's metric.
    pub value: f64,
    /// Points below the float model.
    pub drop: f64,
}

impl Figures {
    const LEN: usize = 4;

    fn row(self) -> [f64; Figures::LEN] {
        [self.bytes as f64, self.arena as f64, self.value, self.drop]
    }

    fn of(row: &[f64]) -> Figures {
        Figures { bytes: row[0] as u64, arena: row[1] as u64, value: row[2], drop: row[3] }
    }

    /// Whether the drop is more than so many points, beyond what a difference of two fractions may be off.
    fn drops_more(&self, points: f64) -> bool {
        self.drop > points + 1e-9
    }

    /// The first limit that is not kept.
    fn breaks(&self, limits: &Limits) -> Option<Constraint> {
        let over = |limit: Option<u64>, n: u64| limit.is_some_and(|most| n > most);
        if over(limits.arena, self.arena) {
            Some(Constraint::Arena)
        } else if over(limits.flash, self.bytes) {
            Some(Constraint::Flash)
        } else if limits.drop.is_some_and(|most| self.drops_more(most)) {
            Some(Constraint::Drop)
        } else {
            None
        }
    }
}

/// What a weaker limit would buy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relief {
    /// Which limit.
    pub constraint: Constraint,
    /// What it would have to be: bytes, or points.
    pub limit: f64,
    /// Bytes of the file then.
    pub bytes: u64,
    /// Predicted loss then.
    pub loss: f64,
    /// Points below the float model then, if it was measured.
    pub drop: Option<f64>,
}

/// What a search found.
#[derive(Debug)]
pub struct Outcome {
    /// What each layer's widths cost.
    pub sensitivity: Sensitivity,
    /// Every artifact that was made, the smallest first.
    pub walked: Vec<Candidate>,
    /// The index of the one that is taken or, if none keeps all limits, of the one that comes nearest.
    pub taken: usize,
    /// The artifact, if it keeps all limits.
    pub lowered: Option<Lowered>,
    /// The limit that binds: without it a better artifact would be taken, or one at all.
    pub binds: Option<Constraint>,
    /// What weaker limits would buy.
    pub reliefs: Vec<Relief>,
    /// Of the front that is predicted, at most [`Outcome::FRONT`] points at even distances, the smallest first: bytes and loss.
    pub front: Vec<(u64, f64)>,
}

impl Outcome {
    /// The most points of [`Outcome::front`].
    pub const FRONT: usize = 32;

    /// The artifact that is taken, or comes nearest.
    #[must_use]
    pub fn candidate(&self) -> &Candidate {
        &self.walked[self.taken]
    }
}

/// Searches the widths that keep the limits.
///
/// # Errors
/// [`BudgetError`]; that no artifact keeps the limits is none.
pub fn search(request: &Request<'_>, progress: &mut dyn Progress) -> Result<Outcome, BudgetError> {
    if request.source.is_quantized() {
        return Err(BudgetError::Quantized);
    }
    let mut journal = Journal::open(request.journal.clone(), key(request)?);
    let sensitivity = match journal.sensitivity.clone() {
        Some(known) => known,
        None => {
            let Request { source, options, fit, .. } = request;
            let found = source.sensitivity(&options.quantize, fit, progress)?;
            journal.set(found.clone())?;
            found
        }
    };
    let mut search = Search::new(request, &mut journal, &sensitivity, progress);
    let outcome = search.run()?;
    journal.remove();
    Ok(outcome)
}

/// The digest of all that measurements rest on; limits are not among it.
fn key(request: &Request<'_>) -> Result<Vec<u8>, BudgetError> {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(request.source.digest());
    hash.update(format!("{:?}", request.options));
    judge::digest(request.fit, &mut hash)?;
    request.judge.digest(&mut hash)?;
    Ok(hash.finalize().to_vec())
}
