//! Variations of samples, drawn anew each time a sample is seen.

use core::fmt::Debug;
use fastrand::Rng;

/// A variation of one sample. Axes are the model input's, the batch axis first.
pub trait Augment: Debug + Send + Sync {
    /// Varies a sample of these axes.
    fn apply(&self, x: &mut [f32], dims: &[u32], random: &mut Rng);

    /// The axis that it works along, if it is one.
    fn axis(&self) -> Option<usize> {
        None
    }
}

/// Moves a sample along an axis by up to `most` elements either way; what enters repeats the edge.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    /// The axis.
    pub axis: usize,
    /// The most elements.
    pub most: u32,
}

/// Mirrors half of the samples along an axis.
#[derive(Clone, Copy, Debug)]
pub struct Flip {
    /// The axis.
    pub axis: usize,
}

/// Adds normal noise of a standard deviation drawn up to `most`.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// The greatest standard deviation.
    pub most: f32,
}

/// Multiplies a sample by a factor between `1 - most` and `1 + most`.
#[derive(Clone, Copy, Debug)]
pub struct Gain {
    /// The greatest change.
    pub most: f32,
}

/// Lets element `i` of an axis become what `from(i)` was.
fn permute(x: &mut [f32], dims: &[u32], axis: usize, from: impl Fn(usize) -> usize) {
    let len = dims.get(axis).map_or(1, |&d| d as usize);
    let inner: usize = dims.iter().skip(axis + 1).map(|&d| d as usize).product();
    for block in x.chunks_exact_mut((len * inner).max(1)) {
        let before = block.to_vec();
        for (i, row) in block.chunks_exact_mut(inner).enumerate() {
            row.copy_from_slice(&before[from(i) * inner..][..inner]);
        }
    }
}

impl Augment for Shift {
    fn apply(&self, x: &mut [f32], dims: &[u32], random: &mut Rng) {
        let by = random.i32(-(self.most as i32)..=self.most as i32);
        let last = dims.get(self.axis).map_or(0, |&d| d as i32 - 1);
        permute(x, dims, self.axis, |i| (i as i32 - by).clamp(0, last) as usize);
    }

    fn axis(&self) -> Option<usize> {
        Some(self.axis)
    }
}

impl Augment for Flip {
    fn apply(&self, x: &mut [f32], dims: &[u32], random: &mut Rng) {
        let last = dims.get(self.axis).map_or(0, |&d| d as usize - 1);
        if random.bool() {
            permute(x, dims, self.axis, |i| last - i);
        }
    }

    fn axis(&self) -> Option<usize> {
        Some(self.axis)
    }
}

impl Augment for Noise {
    fn apply(&self, x: &mut [f32], _: &[u32], random: &mut Rng) {
        let sigma = self.most * random.f32();
        x.iter_mut().for_each(|v| *v += sigma * normal(random));
    }
}

impl Augment for Gain {
    fn apply(&self, x: &mut [f32], _: &[u32], random: &mut Rng) {
        let factor = 1.0 + self.most * (2.0 * random.f32() - 1.0);
        x.iter_mut().for_each(|v| *v *= factor);
    }
}

/// A number of mean 0 and variance 1, nearly normal: the sum of twelve uniform ones.
pub(crate) fn normal(random: &mut Rng) -> f32 {
    (0..12).map(|_| random.f32()).sum::<f32>() - 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_and_flips_move_whole_rows() {
        let mut x: Vec<f32> = (0..12).map(|v| v as f32).collect();
        permute(&mut x, &[1, 3, 4], 1, |i| [1, 1, 0][i]);
        assert_eq!(x, [4., 5., 6., 7., 4., 5., 6., 7., 0., 1., 2., 3.]);
        let seen: std::collections::BTreeSet<u32> = (0..64)
            .map(|seed| {
                let mut x = [0.0, 1.0, 2.0, 3.0];
                Shift { axis: 1, most: 1 }.apply(&mut x, &[1, 4], &mut Rng::with_seed(seed));
                x[1] as u32
            })
            .collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn noise_has_variance_1() {
        let mut random = Rng::with_seed(1);
        let drawn: Vec<f32> = (0..20_000).map(|_| normal(&mut random)).collect();
        let mean = drawn.iter().sum::<f32>() / 20_000.0;
        let variance = drawn.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
    }
}
