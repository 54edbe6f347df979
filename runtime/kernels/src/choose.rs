//! The choice of a set of kernels by what the processor has.
//!
//! A set for one instruction set is a type that nothing outside this crate can name: only [`best`] hands it out, to code that
//! is generic over it, after it has asked the processor. So no check is left in the kernels, and none can be forgotten.
//!
//! What is absent: a global choice. Whoever asks keeps the answer, usually as an op set.

use crate::{Kernels, Native};

/// Something to do with a set of kernels, whichever it is.
pub trait WithKernels {
    /// What comes of it.
    type Output;

    /// Does it with the set `K`.
    fn with<K: Kernels>(self) -> Self::Output;
}

/// Calls `it` with the fastest set of kernels that this processor can run; [`Native`] if there is no better one.
pub fn best<W: WithKernels>(it: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if crate::x86_64::Avx2::is_here() {
        return it.with::<crate::x86_64::Avx2>();
    }
    it.with::<Native>()
}
