//! From a range of reals to int8: `real = scale · (q − zero_point)`, `q` in `[-128, 127]`.
//!
//! `scale = (max − min) / 255`, `zero_point = round(−128 − min / scale)`, as in Jacob et al., "Quantization and
//! Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018, for ONNX's `QuantizeLinear`.
//! Rounding the zero point makes 0 exact and shifts the ends by up to half a step.

/// An interval of reals that includes 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range {
    /// Lower end, at most 0.
    pub min: f32,
    /// Upper end, at least 0.
    pub max: f32,
}

impl Range {
    /// `[min, max]` stretched to include 0; infinite ends become the largest finite number, NaN becomes 0.
    #[must_use]
    pub fn new(min: f32, max: f32) -> Self {
        let number = |x: f32| if x.is_nan() { 0.0 } else { x };
        Self { min: number(min).clamp(f32::MIN, 0.0), max: number(max).clamp(0.0, f32::MAX) }
    }
}

/// Parameters of an asymmetric int8 activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantParams {
    /// Size of one step; positive, finite and normal.
    pub scale: f32,
    /// The int8 value that stands for 0.0; within `[-128, 127]`.
    pub zero_point: i32,
}

impl QuantParams {
    /// Spreads the 255 steps of int8 over `range`.
    ///
    /// A range too narrow for a normal scale holds only zeros for all purposes: scale 1, zero point 0, as in
    /// onnxruntime; a tiny scale would overflow the multipliers of the operators around it.
    #[must_use]
    pub fn from_range(range: Range) -> Self {
        let Range { min, max } = Range::new(range.min, range.max);
        // In f64, because max - min may exceed f32.
        let scale = ((f64::from(max) - f64::from(min)) / 255.0) as f32;
        if !scale.is_normal() {
            return Self { scale: 1.0, zero_point: 0 };
        }
        let zero_point = (-128.0 - f64::from(min) / f64::from(scale)).round_ties_even().clamp(-128.0, 127.0);
        Self { scale, zero_point: zero_point as i32 }
    }

    /// The int8 value for `real`: divides, rounds half to even, adds the zero point, saturates.
    ///
    /// NaN gives the zero point.
    #[must_use]
    pub fn quantize(&self, real: f32) -> i8 {
        let steps = (real / self.scale).round_ties_even();
        // The cast of a float saturates, and so does the sum.
        (steps as i32).saturating_add(self.zero_point).clamp(-128, 127) as i8
    }

    /// The real number that `value` stands for.
    #[must_use]
    pub fn dequantize(&self, value: i8) -> f32 {
        self.scale * (i32::from(value) - self.zero_point) as f32
    }
}
