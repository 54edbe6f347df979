//! What happens to inputs.

use super::Sample;
use crate::normal;
use siskin::format::Prng;

/// Noise of a tenth of each input's power.
pub(super) fn noisy(samples: &mut Vec<Sample>) {
    let mut prng = Prng::new(11);
    for (x, _) in samples {
        let mean = x.iter().sum::<f32>() / x.len() as f32;
        let power = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / x.len() as f32;
        x.iter_mut().for_each(|v| *v += (power / 10.0).sqrt() * normal(&mut prng) as f32);
    }
}

pub(super) fn without_a_class(samples: &mut Vec<Sample>) {
    samples.retain(|(_, class)| *class != 0);
}

const SIDE: usize = 32;

/// The mean of a pixel and its neighbours.
pub(super) fn blurred(samples: &mut Vec<Sample>) {
    for (x, _) in samples {
        let from = x.clone();
        for (i, v) in x.iter_mut().enumerate() {
            let (row, col, channel) = (i / 3 / SIDE, i / 3 % SIDE, i % 3);
            let near = |at: usize| at.saturating_sub(1)..(at + 2).min(SIDE);
            let pixels = near(row).flat_map(|r| near(col).map(move |c| (r * SIDE + c) * 3 + channel));
            let (sum, n) = pixels.fold((0.0, 0.0), |(sum, n), i| (sum + from[i], n + 1.0));
            *v = sum / n;
        }
    }
}

pub(super) fn flat(samples: &mut Vec<Sample>) {
    for (x, _) in samples {
        let mean = x.iter().sum::<f32>() / x.len() as f32;
        x.iter_mut().for_each(|v| *v = mean + (*v - mean) / 2.0);
    }
}
