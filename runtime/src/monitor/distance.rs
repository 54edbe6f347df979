//! How far an input is from what the reference was, in a layer of the model: out of distribution, by itself.
//!
//! ```text
//! min over prototypes of Σ (x_i - p_i)²        in the whole numbers that the layer stores
//! ```
//!
//! Prototypes are the means of the classes. Source: Lee and others, "A simple unified framework for detecting
//! out-of-distribution samples", 2018, with a covariance of one.

use siskin_format::{DType, FeatureRecord};

/// How far the nearest prototype is, squared: the number of [`FeatureRecord::statistic`].
pub const DISTANCE: u8 = 4;

/// The distance of a region from the nearest of `prototypes`, each as long as it.
pub(super) fn nearest(feature: &FeatureRecord, prototypes: &[i8], dtype: DType, bytes: &[u8]) -> i32 {
    match dtype {
        DType::I8 => least(feature, prototypes, bytes, |b| b.cast_signed().into()),
        DType::U8 => least(feature, prototypes, bytes, |b| i32::from(b).wrapping_sub(128)),
        DType::F32 => {
            let x: &[f32] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
            least(feature, prototypes, x, |v| ((v / feature.step) as i32).clamp(-128, 127))
        }
        _ => 0,
    }
}

fn least<T: Copy>(f: &FeatureRecord, prototypes: &[i8], x: &[T], value: impl Fn(T) -> i32) -> i32 {
    let x = x.get(f.start as usize..).unwrap_or(&[]);
    let distance = |prototype: &[i8]| {
        let squares = x.iter().zip(prototype).map(|(&x, &p)| {
            let d = value(x).wrapping_sub(p.into());
            d.wrapping_mul(d)
        });
        // A layer that is watched is short enough for the sum.
        squares.fold(0i32, i32::wrapping_add)
    };
    prototypes.chunks_exact((f.columns as usize).max(1)).map(distance).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    #[test]
    fn the_nearest_counts() {
        let feature = FeatureRecord { start: 1, rows: 1, columns: 2, step: 0.5, ..FeatureRecord::zeroed() };
        let prototypes = [0, 0, 10, -10];
        let x: [i8; 3] = [99, 7, -8];
        assert_eq!(nearest(&feature, &prototypes, DType::I8, bytemuck::cast_slice(&x)), 9 + 4);
        let x = [99.0f32, 1.0, -0.5];
        assert_eq!(nearest(&feature, &prototypes, DType::F32, bytemuck::cast_slice(&x)), 4 + 1);
        assert_eq!(nearest(&feature, &prototypes, DType::U8, &[0, 138, 118]), 0);
        assert_eq!(nearest(&feature, &[], DType::I8, &[]), 0);
    }
}
