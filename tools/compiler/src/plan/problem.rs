//! What has to be planned: buffers with lifetimes, and wishes to share.

use core::ops::RangeInclusive;

/// One activation: `size` bytes, live at the steps `first..=last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffer {
    /// Bytes; 0 is legal and takes no space.
    pub size: u32,
    /// What the offset must be a multiple of; a power of two. The arena itself must be aligned as much.
    pub align: u32,
    /// The step that defines it: 0 for a graph input, `i + 1` for an output of operator `i`.
    pub first: u32,
    /// The step of its last use, inclusive; at least `first`.
    pub last: u32,
}

impl Buffer {
    /// The steps at which the buffer is live.
    #[must_use]
    pub fn life(&self) -> RangeInclusive<u32> {
        self.first..=self.last
    }

    /// Whether both need memory of their own at some step. An empty buffer conflicts with nothing.
    pub(super) fn conflicts(&self, other: &Self) -> bool {
        self.size > 0 && other.size > 0 && self.first <= other.last && other.first <= self.last
    }
}

/// A wish: buffer `output` may occupy exactly the offset of buffer `input`.
///
/// It is granted only if `input` was defined earlier, dies at the step that defines `output`, and is at least as
/// large; otherwise the planner passes it over, so a caller may list every candidate of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InPlace {
    /// Index of the buffer that would be written over the other.
    pub output: usize,
    /// Index of the buffer that would be overwritten.
    pub input: usize,
}

/// The buffers of one graph in one schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// Every buffer that lives in the arena; plans answer in this order.
    pub buffers: Vec<Buffer>,
    /// Pairs that may share; where several exclude each other, earlier ones are preferred.
    pub in_place: Vec<InPlace>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An alignment is zero or not a power of two.
    #[error("buffer {buffer}: alignment {align} is not a power of two; use 1, 2, 4, 8, 16, ...")]
    Align {
        /// Index of the buffer.
        buffer: usize,
        /// The alignment it asked for.
        align: u32,
    },
    /// A buffer is last used before it is defined.
    #[error(
        "buffer {buffer}: last used at step {last}, before step {first} defines it; order the operators topologically"
    )]
    Life {
        /// Index of the buffer.
        buffer: usize,
        /// The step that defines it.
        first: u32,
        /// The step of its last use.
        last: u32,
    },
    /// A wish names a buffer that does not exist.
    #[error("in-place wish {wish} names buffer {buffer}, but there are only {buffers}; fix the index")]
    Wish {
        /// Index of the wish.
        wish: usize,
        /// The index it names.
        buffer: usize,
        /// The number of buffers.
        buffers: usize,
    },
    /// The activations do not fit in an arena of 32-bit offsets.
    #[error(
        "the activations need at least {bytes} bytes at once and fit in no arena of 4294967295; use a smaller input"
    )]
    TooLarge {
        /// A lower bound of what is needed.
        bytes: u64,
    },
}

impl Problem {
    /// Refuses what no planner could take.
    pub(super) fn validate(&self) -> Result<(), Error> {
        for (buffer, b) in self.buffers.iter().enumerate() {
            if !b.align.is_power_of_two() {
                return Err(Error::Align { buffer, align: b.align });
            }
            if b.last < b.first {
                return Err(Error::Life { buffer, first: b.first, last: b.last });
            }
        }
        let buffers = self.buffers.len();
        for (wish, pair) in self.in_place.iter().enumerate() {
            let buffer = pair.output.max(pair.input);
            if buffer >= buffers {
                return Err(Error::Wish { wish, buffer, buffers });
            }
        }
        Ok(())
    }

    /// The wishes that may be granted, in order.
    pub(super) fn usable(&self) -> Vec<InPlace> {
        let may = |pair: &InPlace| {
            let (Some(out), Some(inp)) = (self.buffers.get(pair.output), self.buffers.get(pair.input)) else {
                return false;
            };
            // `input.first < output.first` keeps a chain's first and third member from meeting at one step.
            out.size > 0 && out.size <= inp.size && inp.last == out.first && inp.first < out.first
        };
        self.in_place.iter().copied().filter(may).collect()
    }
}
