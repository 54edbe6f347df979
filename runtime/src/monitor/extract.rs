//! From the elements of a tensor to one whole number.
//!
//! All sums are integers that wrap, so every target finds the same number. Real elements are cut to whole ones first.

use siskin_format::{DType, FeatureRecord};

/// The mean of the region: the sum of its elements.
pub const MEAN: u8 = 0;
/// Sixteen times the variance of the region.
pub const SPREAD: u8 = 1;
/// How rough the region is: the sum of the distances between neighbours of a row.
pub const ROUGHNESS: u8 = 2;
/// How many elements of the region are at an end of their range, of real ones beyond that of the reference. Of a layer the upper
/// end alone counts: the lower one is where activations rest.
pub const SATURATION: u8 = 3;

/// Steps of real values larger than the reference's largest, which has 127.
const BEYOND: i32 = 128;

/// What one walk over a region finds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    count: u32,
    sum: i32,
    squares: u32,
    distances: i32,
    saturated: i32,
}

impl Sums {
    /// Walks the region of `feature` in a tensor.
    pub(super) fn of(feature: &FeatureRecord, dtype: DType, bytes: &[u8]) -> Sums {
        let ends = |low: i32, top: i32| [if feature.after == 0 { low } else { i32::MIN }, top];
        match dtype {
            DType::I8 => walk(feature, ends(-128, 127), |i| Some(bytes.get(i)?.cast_signed().into())),
            DType::U8 | DType::Bool => walk(feature, ends(0, 255), |i| Some((*bytes.get(i)?).into())),
            DType::I16 => {
                let x: &[i16] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
                walk(feature, ends(-32_768, 32_767), |i| Some((*x.get(i)?).into()))
            }
            DType::F32 => {
                let x: &[f32] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
                walk(feature, ends(-BEYOND, BEYOND), |i| Some(((*x.get(i)? / feature.step) as i32).clamp(-255, 255)))
            }
            _ => Sums::default(),
        }
    }

    /// The number that `statistic` asks for.
    pub(super) fn statistic(&self, statistic: u8) -> i32 {
        match statistic {
            MEAN => self.sum,
            SPREAD => self.spread(),
            ROUGHNESS => self.distances,
            SATURATION => self.saturated,
            _ => 0,
        }
    }

    fn spread(&self) -> i32 {
        let n = i64::from(self.count);
        let square = i64::from(self.sum).wrapping_mul(self.sum.into()).checked_div(n).unwrap_or(0);
        let deviations = i64::from(self.squares).wrapping_sub(square);
        deviations.wrapping_mul(16).checked_div(n).unwrap_or(0) as i32
    }
}

fn walk(f: &FeatureRecord, [low, top]: [i32; 2], element: impl Fn(usize) -> Option<i32>) -> Sums {
    let mut sums = Sums::default();
    let mut row = f.start as usize;
    for _ in 0..f.rows {
        let (mut at, mut before) = (row, element(row).unwrap_or(0));
        for _ in 0..f.columns {
            // A region that leaves its tensor ends there: whoever wrote the file, the walk is no longer than the tensor.
            let Some(v) = element(at) else { return sums };
            sums.count = sums.count.wrapping_add(1);
            sums.sum = sums.sum.wrapping_add(v);
            sums.saturated = sums.saturated.wrapping_add((v >= top || v <= low).into());
            sums.squares = sums.squares.wrapping_add(v.wrapping_mul(v).cast_unsigned());
            sums.distances = sums.distances.wrapping_add(v.wrapping_sub(before).wrapping_abs());
            before = v;
            at = at.wrapping_add(f.column_stride as usize);
        }
        row = row.wrapping_add(f.row_stride as usize);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    fn region(start: u32, rows: [u32; 2], columns: [u32; 2]) -> FeatureRecord {
        let [rows, row_stride] = rows;
        let [columns, column_stride] = columns;
        FeatureRecord { start, rows, row_stride, columns, column_stride, step: 0.5, ..FeatureRecord::zeroed() }
    }

    #[test]
    fn a_channel_of_a_picture() {
        // 2 rows of 3 pixels of 2 channels; channel 1 is 1 4 9 / -2 -2 6.
        let x: [i8; 12] = [0, 1, 0, 4, 0, 9, 0, -2, 0, -2, 0, 6];
        let sums = Sums::of(&region(1, [2, 6], [3, 2]), DType::I8, bytemuck::cast_slice(&x));
        assert_eq!(sums, Sums { count: 6, sum: 16, squares: 142, distances: 16, saturated: 0 });
        // 16 · (142 - 256 / 6) / 6, divisions cut.
        assert_eq!([MEAN, SPREAD, ROUGHNESS].map(|s| sums.statistic(s)), [16, 266, 16]);
    }

    #[test]
    fn real_values_are_cut_to_whole_ones() {
        let x = [0.6f32, -1.0, f32::NAN, 1e9];
        let sums = Sums::of(&region(0, [1, 0], [4, 1]), DType::F32, bytemuck::cast_slice(&x));
        assert_eq!(sums.statistic(MEAN), 1 - 2 + 255);
    }

    #[test]
    fn a_region_that_leaves_the_tensor_ends() {
        let endless = region(0, [u32::MAX, 0], [u32::MAX, u32::MAX]);
        assert_eq!(Sums::of(&endless, DType::I8, &[1, 2]).count, 1);
    }
}
