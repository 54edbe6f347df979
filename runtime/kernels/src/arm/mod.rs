//! Kernels of Arm's M profile: [`Dsp`] for the DSP extension with an FPU (M4, M7, M33), `Mve` for Helium (M55, M85).
//!
//! Inner loops are assembly as whole functions: all fourteen registers are in use, which no compiler would give to
//! an `asm!` block, and single instructions in blocks of their own are spilled between. What is around them is Rust
//! that checks every length before it hands out a pointer.

/// What each function tells the assembler, which hears neither of `-Ctarget-cpu` nor always of the FPU.
#[cfg(siskin_mve)]
macro_rules! cpu {
    () => {
        ".cpu cortex-m55"
    };
}

/// What each function tells the assembler. An M7 and an M33 have all that an M4 has.
#[cfg(not(siskin_mve))]
macro_rules! cpu {
    () => {
        ".cpu cortex-m4"
    };
}

mod copy;
mod dsp;
#[cfg(siskin_mve)]
mod mve;

pub use dsp::Dsp;
#[cfg(siskin_mve)]
pub use mve::Mve;
