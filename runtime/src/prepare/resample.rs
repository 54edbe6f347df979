//! Sound at another rate: a windowed sinc, evaluated where it is needed.
//!
//! ```text
//! y[n] = c · Σ_k x[k] · sinc(c · (k - t)) · hann((k - t) · c / REACH)      t = n · from / to, c = min(1, to / from)
//! ```

use crate::Error;
use siskin_kernels::double;

/// Zero crossings of the sinc on either side.
const REACH: f32 = 16.0;

/// Samples that `len` samples become.
#[must_use]
pub fn resampled_len(len: usize, from: u32, to: u32) -> usize {
    let product = (len as u64).saturating_mul(to.into());
    usize::try_from(product.checked_div(from.into()).unwrap_or(0)).unwrap_or(usize::MAX)
}

/// Resamples from `from` to `to` samples a second.
///
/// # Errors
/// [`Error::Length`] with what [`resampled_len`] says, if `out` has another length.
pub fn resample(samples: &[f32], from: u32, to: u32, out: &mut [f32]) -> Result<(), Error> {
    let needed = resampled_len(samples.len(), from, to);
    if out.len() != needed {
        return Err(Error::Length(u32::try_from(needed).unwrap_or(u32::MAX)));
    }
    if from == to {
        out.iter_mut().zip(samples).for_each(|(y, x)| *y = *x);
        return Ok(());
    }
    let ratio = f64::from(from) / f64::from(to.max(1));
    let cutoff = if ratio > 1.0 { (1.0 / ratio) as f32 } else { 1.0 };
    let reach = (REACH / cutoff) as usize;
    for (n, y) in out.iter_mut().enumerate() {
        let at = n as f64 * ratio;
        let whole = at as usize;
        let first = whole.saturating_sub(reach);
        let taps = samples.get(first..).unwrap_or(&[]).iter().take(whole.wrapping_add(reach).wrapping_sub(first));
        *y = taps.zip(first..).fold(0.0, |sum, (x, k)| sum + x * weight((k as f64 - at) as f32 * cutoff)) * cutoff;
    }
    Ok(())
}

/// The windowed sinc at `t` zero crossings from its middle.
fn weight(t: f32) -> f32 {
    use core::f32::consts::PI;
    if t == 0.0 {
        return 1.0;
    }
    if t.abs() >= REACH {
        return 0.0;
    }
    double::sin((PI * t).into()) as f32 / (PI * t) * (0.5 + 0.5 * double::cos((PI * t / REACH).into()) as f32)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn a_tone_stays_the_tone() {
        for (from, to) in [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000)] {
            let tone = |rate: u32, n: usize| libm::sinf(core::f32::consts::TAU * 440.0 * n as f32 / rate as f32);
            let x: Vec<f32> = (0..from as usize / 4).map(|n| tone(from, n)).collect();
            let mut y = vec![0.0; resampled_len(x.len(), from, to)];
            resample(&x, from, to, &mut y).unwrap();
            for (n, y) in y.iter().enumerate().take(y.len() - 400).skip(400) {
                assert!((y - tone(to, n)).abs() < 2e-3, "{from} to {to}, sample {n}: {y} is not {}", tone(to, n));
            }
        }
    }

    #[test]
    fn the_same_rate_changes_nothing() {
        let mut y = [0.0; 3];
        resample(&[0.1, -0.7, 0.3], 16_000, 16_000, &mut y).unwrap();
        assert_eq!(y, [0.1, -0.7, 0.3]);
    }

    #[test]
    fn what_the_new_rate_cannot_hold_is_gone() {
        let x: Vec<f32> =
            (0..4800).map(|n| libm::sinf(core::f32::consts::TAU * 12_000.0 * n as f32 / 48_000.0)).collect();
        let mut y = vec![0.0; 1600];
        resample(&x, 48_000, 16_000, &mut y).unwrap();
        assert!(y[100..1500].iter().all(|v| v.abs() < 2e-3));
        assert_eq!(resample(&x, 48_000, 16_000, &mut y[1..]), Err(Error::Length(1600)));
    }
}
