//! Parts of a slice, each written by one thread.

use super::Pool;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Parts for each thread, so that one that was interrupted does not hold up all.
const EACH: usize = 4;

/// Rows of so many elements, about as many in each part.
#[derive(Clone, Copy)]
pub(super) struct Split {
    rows: usize,
    row: usize,
    parts: usize,
}

impl Split {
    /// At most `worth` parts, of two rows at least; nothing if that is one.
    pub(super) fn new(rows: usize, row: usize, worth: u64, threads: usize) -> Option<Split> {
        let most = threads.saturating_mul(EACH).min(usize::BITS as usize);
        let parts = usize::try_from(worth).unwrap_or(usize::MAX).min(rows / 2).min(most);
        // As many for each thread.
        let parts = if parts > threads { parts.wrapping_sub(parts % threads.max(1)) } else { parts };
        let split = Split { rows, row, parts };
        // Products of what follows must not overflow.
        (threads > 1 && parts > 1 && rows.checked_mul(row.max(most)).is_some()).then_some(split)
    }

    /// Elements of all rows.
    pub(super) fn len(&self) -> usize {
        self.rows.wrapping_mul(self.row)
    }

    /// The rows of a part.
    fn part(&self, i: usize) -> Range<usize> {
        let start = |i: usize| self.rows.wrapping_mul(i).checked_div(self.parts).unwrap_or(0);
        start(i)..start(i.wrapping_add(1))
    }
}

/// Elements that threads share.
struct Shared<T>(*mut T);

// SAFETY: threads write different elements, see `each_part`.
unsafe impl<T: Send> Sync for Shared<T> {}

/// Calls `write` for each part, with its rows and its elements of `y`.
pub(super) fn each_part<T: Send>(
    pool: &dyn Pool,
    split: Split,
    y: &mut [T],
    write: &(dyn Fn(Range<usize>, &mut [T]) + Sync),
) {
    if y.len() < split.len() {
        return;
    }
    let y = Shared(y.as_mut_ptr());
    let taken = AtomicUsize::new(0);
    let task = |i: usize| {
        let y: &Shared<T> = &y;
        let bit = if i < split.parts { 1usize.wrapping_shl(i as u32) } else { 0 };
        // Whatever a pool does, each part is given once.
        if bit == 0 || taken.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
            return;
        }
        let rows = split.part(i);
        let (from, len) = (rows.start.wrapping_mul(split.row), rows.len().wrapping_mul(split.row));
        // SAFETY: parts lie within `split.len()` elements, which `y` has, and have none in common; a part is given once, and nothing else
        // uses `y` until the pool returns: `task` borrows it.
        let part = unsafe { core::slice::from_raw_parts_mut(y.0.wrapping_add(from), len) };
        write(rows, part);
    };
    pool.run(split.parts, &task);
    (0..split.parts).for_each(task);
}
