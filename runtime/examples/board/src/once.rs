//! A `static` that is taken once.

use core::cell::{Cell, UnsafeCell};

/// A `static` value that is taken once, for programs without a heap, a second core or interrupts.
///
/// A program with interrupts takes `static_cell`, or its framework's own way (RTIC's local resources).
pub struct Once<T> {
    taken: Cell<bool>,
    value: UnsafeCell<T>,
}

// SAFETY: the examples run on one core and enable no interrupt, so nothing else can be inside `take`.
unsafe impl<T: Send> Sync for Once<T> {}

impl<T> Once<T> {
    /// The value, not yet taken.
    pub const fn new(value: T) -> Once<T> {
        Once { taken: Cell::new(false), value: UnsafeCell::new(value) }
    }

    /// The value, the first time.
    #[allow(clippy::mut_from_ref, reason = "the only reference that is ever made")]
    pub fn take(&'static self) -> Option<&'static mut T> {
        // SAFETY: `taken` turns true before the only reference is made and never turns back.
        (!self.taken.replace(true)).then(|| unsafe { &mut *self.value.get() })
    }
}
