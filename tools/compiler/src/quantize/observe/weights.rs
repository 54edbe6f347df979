//! Scales for symmetric weights: `w ≈ scale · q`, `q` in `[-most, most]`, 127 for int8, one scale per output channel.
//!
//! [`max_abs_scales`]: `scale = max|w| / most`, which clips nothing. [`weight_scales`]: of 100 scales from that one down
//! to a fifth of it, the one with the least `Σ (w − scale · q)²`, which may clip the largest weights: the
//! shrink search of GPTQ's quantizer (Frantar et al., 2022).
//!
//! All scales are positive, finite and normal. A channel of zeros, or of weights too small for a normal scale, or
//! without weights, has scale 1. Weights that are not finite are ignored.

const CANDIDATES: u16 = 100;
/// The smallest candidate is 1 − this part of the largest.
const SHRINK: f32 = 0.8;

/// The scale with the least squared error, for each channel.
///
/// `channel_of` gives the channel, below `channels`, of an index into `weights`, so any layout will do.
#[must_use]
pub fn weight_scales(weights: &[f32], channels: usize, most: f32, channel_of: impl Fn(usize) -> usize) -> Vec<f32> {
    by_channel(weights, channels, channel_of).iter().map(|own| best_scale(own, most)).collect()
}

/// The smallest scale that clips nothing, for each channel; see [`weight_scales`] for the layout.
#[must_use]
pub fn max_abs_scales(weights: &[f32], channels: usize, most: f32, channel_of: impl Fn(usize) -> usize) -> Vec<f32> {
    by_channel(weights, channels, channel_of).iter().map(|own| full_scale(own, most).unwrap_or(1.0)).collect()
}

/// The finite weights of each channel.
fn by_channel(weights: &[f32], channels: usize, channel_of: impl Fn(usize) -> usize) -> Vec<Vec<f32>> {
    let mut by = vec![Vec::new(); channels];
    for (i, &weight) in weights.iter().enumerate().filter(|(_, w)| w.is_finite()) {
        if let Some(own) = by.get_mut(channel_of(i)) {
            own.push(weight);
        }
    }
    by
}

fn full_scale(weights: &[f32], most: f32) -> Option<f32> {
    let largest = weights.iter().fold(0.0_f32, |max, w| max.max(w.abs()));
    Some(largest / most).filter(|scale| scale.is_normal())
}

/// Of equally good scales the largest.
fn best_scale(weights: &[f32], most: f32) -> f32 {
    let Some(full) = full_scale(weights, most) else { return 1.0 };
    let candidate = |k: u16| full * (1.0 - SHRINK * f32::from(k) / f32::from(CANDIDATES));
    let candidates = (1..CANDIDATES).map(candidate).filter(|scale| scale.is_normal());
    let start = (squared_error(weights, full, most), full);
    let errors = candidates.map(|scale| (squared_error(weights, scale, most), scale));
    errors.fold(start, |best, next| if next.0 < best.0 { next } else { best }).1
}

fn squared_error(weights: &[f32], scale: f32, most: f32) -> f64 {
    let error = |w: f32| w - (w / scale).round_ties_even().clamp(-most, most) * scale;
    weights.iter().map(|&w| f64::from(error(w)).powi(2)).sum()
}
