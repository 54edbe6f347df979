//! Fake quantization with learned steps.
//!
//! ```text
//! v̂ = s · q     q = clamp(round(v/s - o) + o, low, high) + z - z
//! dL/dv = dL/dv̂  where low < v/s < high, else 0
//! dL/ds = Σ dL/dv̂ · (q - v/s  within, q outside)
//! ```
//!
//! Rounding passes gradients straight through; the step learns from what rounding and clipping cost. Source: Esser et al.,
//! "Learned Step Size Quantization", 2020. `o` is 0, or 1/2 for a grid without 0, which at 2 bits wastes no level.

/// The levels of a quantizer, in steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// The least level.
    pub low: f32,
    /// The greatest level.
    pub high: f32,
    /// Where levels lie between whole numbers: 0 or 1/2.
    pub offset: f32,
}

impl Grid {
    /// The levels of weights of so many bits: all `2^bits` integers, ±127 at 8 bits, and ±1/2, ±3/2 at 2.
    #[must_use]
    pub fn weights(bits: u8) -> Grid {
        let half = f32::from(1u16 << bits.clamp(2, 8).saturating_sub(1));
        match bits {
            0..=2 => Grid { low: -1.5, high: 1.5, offset: 0.5 },
            8.. => Grid { low: -127.0, high: 127.0, offset: 0.0 },
            _ => Grid { low: -half, high: half - 1.0, offset: 0.0 },
        }
    }

    /// The levels of int8 activations around a zero point.
    #[must_use]
    pub fn activations(zero_point: i32) -> Grid {
        Grid { low: (-128 - zero_point) as f32, high: (127 - zero_point) as f32, offset: 0.0 }
    }

    /// The level nearest to `v` steps, half to even.
    #[must_use]
    #[inline]
    pub fn nearest(&self, v: f32) -> f32 {
        // Adding and subtracting 1.5 · 2²³ rounds at the units digit; levels are few.
        const MAGIC: f32 = 12_582_912.0;
        let v = v.clamp(self.low, self.high) - self.offset;
        (v + MAGIC) - MAGIC + self.offset
    }

    /// The least number that every level is a whole multiple of.
    #[must_use]
    pub fn unit(&self) -> f32 {
        if self.offset == 0.0 { 1.0 } else { self.offset }
    }
}

/// A quantizer of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fake {
    pub(crate) grid: Grid,
    pub(crate) step: f32,
}

impl Fake {
    /// Rounds every value.
    pub(crate) fn round(&self, values: &mut [f32]) {
        let inverse = 1.0 / self.step;
        values.iter_mut().for_each(|v| *v = self.grid.nearest(*v * inverse) * self.step);
    }

    /// Turns the gradient of rounded values into that of the values, and returns the gradient of the step, scaled by
    /// `1/√(N · high)`.
    pub(crate) fn backward(&self, values: &[f32], gradient: &mut [f32]) -> f32 {
        let inverse = 1.0 / self.step;
        let mut sum = 0.0;
        for (g, &v) in gradient.iter_mut().zip(values) {
            let (v, q) = (v * inverse, self.grid.nearest(v * inverse));
            if v > self.grid.low && v < self.grid.high {
                sum += *g * (q - v);
            } else {
                sum += *g * q;
                *g = 0.0;
            }
        }
        sum / (values.len() as f32 * self.grid.high.max(1.0)).sqrt()
    }

    /// The step for values with the least squared error of 64 between the one that clips nothing and a tenth of it.
    pub(crate) fn fit(grid: Grid, values: &[f32]) -> f32 {
        let largest = values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        let full = largest / grid.high.min(-grid.low);
        if !full.is_normal() {
            return 1.0;
        }
        let error = |step: f32| -> f64 {
            let fake = Fake { grid, step };
            values.iter().map(|&v| f64::from(fake.grid.nearest(v / step) * step - v).powi(2)).sum()
        };
        let candidates = (1..64u16).map(|k| full * (1.0 - 0.9 * f32::from(k) / 64.0));
        let start = (error(full), full);
        candidates.map(|s| (error(s), s)).fold(start, |best, next| if next.0 < best.0 { next } else { best }).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_have_as_many_levels_as_bits_say() {
        for bits in 2..8u8 {
            let grid = Grid::weights(bits);
            let levels: std::collections::BTreeSet<i32> =
                (-3000..3000).map(|v| (grid.nearest(v as f32 / 10.0) / grid.unit()) as i32).collect();
            assert_eq!(levels.len(), 1 << bits, "{bits} bits: {levels:?}");
        }
    }

    /// The step's gradient is the slope of the loss along the step, as long as no value changes its level.
    #[test]
    fn the_step_learns_what_rounding_costs() {
        let grid = Grid::weights(3);
        let (values, gradient) = ([0.26f32, -0.9, 2.0, -7.0], [0.5f32, -1.0, 2.0, 0.25]);
        let loss = |step: f32| -> f32 {
            let level = |v: f32| Fake { grid, step: 0.5 }.grid.nearest(v / 0.5) * step;
            let straight = |v: f32| if (v / 0.5) > grid.low && (v / 0.5) < grid.high { v * step / 0.5 } else { 0.0 };
            values.iter().zip(gradient).map(|(&v, g)| g * (level(v) - straight(v))).sum()
        };
        let slope = (loss(0.51) - loss(0.49)) / 0.02;
        let mut dv = gradient;
        let found = Fake { grid, step: 0.5 }.backward(&values, &mut dv) * (4.0f32 * 3.0).sqrt();
        assert!((found - slope).abs() < 1e-3, "{found} {slope}");
        assert_eq!(dv, [0.5, -1.0, 0.0, 0.0]);
    }
}
