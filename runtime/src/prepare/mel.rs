//! The mel scale, after Slaney's Auditory Toolbox and after HTK.

use siskin_kernels::{double, math};

/// Where a frequency lies on a scale of pitch.
pub(super) fn mel(slaney: bool, hz: f32) -> f32 {
    if !slaney {
        2595.0 * math::log10(1.0 + hz / 700.0)
    } else if hz < 1000.0 {
        hz * (3.0 / 200.0)
    } else {
        15.0 + libm::logf(hz / 1000.0) * SLANEY_STEPS
    }
}

/// The frequency at a place on the scale.
pub(super) fn hertz(slaney: bool, mel: f32) -> f32 {
    if !slaney {
        700.0 * (double::pow(10.0, (mel / 2595.0).into()) as f32 - 1.0)
    } else if mel < 15.0 {
        mel * (200.0 / 3.0)
    } else {
        1000.0 * double::exp(((mel - 15.0) / SLANEY_STEPS).into()) as f32
    }
}

/// 27 steps for a factor of 6.4: `27 / ln 6.4`.
const SLANEY_STEPS: f32 = 14.545_079;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for slaney in [false, true] {
            for hz in [0.0f32, 20.0, 440.0, 999.0, 1000.0, 4000.0, 20_000.0] {
                let back = hertz(slaney, mel(slaney, hz));
                assert!((back - hz).abs() <= 2e-5 * hz.max(50.0), "{hz} came back as {back}");
            }
        }
        assert!((mel(false, 1000.0) - 1000.0).abs() < 0.1);
        assert!((mel(true, 6400.0) - 42.0).abs() < 1e-4);
    }
}
