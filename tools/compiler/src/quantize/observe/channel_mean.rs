//! Means per channel, for empirical bias correction.
//!
//! The mean of an output over the calibration data, in float and quantized, gives the shift that quantization adds to
//! each channel: `bias −= mean(quantized) − mean(float)` (Nagel et al., "Data-Free Quantization Through Weight
//! Equalization and Bias Correction", 2019, section 4.2). Sums are f64, so that a long run does not drift.

/// Running sums of a channels-last tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelMean {
    sums: Vec<f64>,
    rows: u64,
}

impl ChannelMean {
    /// Has seen nothing of `channels` channels.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self { sums: vec![0.0; channels], rows: 0 }
    }

    /// Adds `values`, laid out `[..., channels]`. An incomplete last row is ignored.
    pub fn add(&mut self, values: &[f32]) {
        for row in values.chunks_exact(self.sums.len().max(1)) {
            for (sum, &value) in self.sums.iter_mut().zip(row) {
                *sum += f64::from(value);
            }
            self.rows += 1;
        }
    }

    /// The mean of each channel; 0 if nothing was added.
    #[must_use]
    pub fn means(&self) -> Vec<f32> {
        self.sums.iter().map(|sum| (sum / self.rows.max(1) as f64) as f32).collect()
    }
}
