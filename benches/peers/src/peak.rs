//! What one core can do at most: multiply-adds from registers, without a load.
//!
//! `f32`: FMA of 8 lanes. `i8`: `vpmaddwd` of 16 products and the addition of its sums. Ten chains hide the latency.

use anyhow::{Result, ensure};
use core::arch::x86_64::*;
use std::hint::black_box;

/// Multiply-adds of one call of what [`peak`] returns.
pub(crate) const MACS: u64 = 1 << 20;

const CHAINS: usize = 10;

/// A function that does [`MACS`] multiply-adds of this element type.
pub(crate) fn peak(element: &str) -> Result<fn()> {
    ensure!(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"), "the peak is that of AVX2 and FMA");
    // SAFETY: the features are there.
    Ok(if element == "f32" { || unsafe { f32() } } else { || unsafe { i8() } })
}

#[target_feature(enable = "avx2,fma")]
fn f32() {
    let (a, b) = (black_box(_mm256_set1_ps(0.5)), black_box(_mm256_set1_ps(0.25)));
    let mut sums = [_mm256_setzero_ps(); CHAINS];
    for _ in 0..MACS / (8 * CHAINS as u64) {
        for s in &mut sums {
            *s = _mm256_fmadd_ps(a, *s, b);
        }
    }
    black_box(sums);
}

#[target_feature(enable = "avx2,fma")]
fn i8() {
    let mut sums = [_mm256_setzero_si256(); CHAINS];
    let b = black_box(_mm256_set1_epi16(5));
    for _ in 0..MACS / (16 * CHAINS as u64) {
        for s in &mut sums {
            // The product depends on the last sum, so that it is not taken out of the loop.
            *s = _mm256_add_epi32(_mm256_madd_epi16(*s, b), b);
        }
    }
    black_box(sums);
}
