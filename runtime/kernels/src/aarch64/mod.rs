//! Kernels for AArch64: [`Neon`], which every such processor has, and `Dotprod` beside it.

/// Instructions of NEON.
macro_rules! neon {
    ($($body:tt)*) => {{
        // SAFETY: every processor of this architecture has NEON, and what is read or written is an array of that length.
        unsafe { $($body)* }
    }};
}

mod dotprod;
mod neon;

use crate::lanes::set;

set! {
    /// The kernels for every AArch64 processor.
    pub Neon: neon::Neon, 8, 2
}

set! {
    /// The kernels for processors with the extension `dotprod`.
    pub Dotprod: dotprod::Dotprod, 16, 4
}
