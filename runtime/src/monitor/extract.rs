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

/// The number that `feature` asks for, of the tensor that its region lies in.
pub(super) fn extract(feature: &FeatureRecord, dtype: DType, bytes: &[u8]) -> i32 {
    match dtype {
        DType::I8 => walk(feature, bytes, [-128, 127], |b| b.cast_signed().into()),
        DType::U8 | DType::Bool => walk(feature, bytes, [0, 255], i32::from),
        DType::I16 => {
            let x: &[i16] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
            walk(feature, x, [-32_768, 32_767], i32::from)
        }
        DType::F32 => {
            let x: &[f32] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
            walk(feature, x, [-BEYOND, BEYOND], |v| ((v / feature.step) as i32).clamp(-255, 255))
        }
        _ => 0,
    }
}

/// A region that leaves its tensor ends there: whoever wrote the file, the walk is no longer than the tensor.
fn walk<T: Copy>(f: &FeatureRecord, x: &[T], ends: [i32; 2], value: impl Fn(T) -> i32 + Copy) -> i32 {
    let mut sums = Sums::default();
    let (columns, stride) = (f.columns as usize, (f.column_stride as usize).max(1));
    let mut row = f.start as usize;
    for _ in 0..f.rows {
        let Some(elements) = x.get(row..).filter(|e| !e.is_empty()) else { break };
        let count = elements.len().div_ceil(stride).min(columns);
        sums.count = sums.count.wrapping_add(count as u32);
        // Neighbours are walked at several elements a time.
        if stride == 1 {
            sums.add(f, elements.get(..count).unwrap_or(&[]).iter().map(|&v| value(v)), ends);
        } else {
            sums.add(f, elements.iter().step_by(stride).take(count).map(|&v| value(v)), ends);
        }
        if count < columns {
            break;
        }
        row = row.wrapping_add(f.row_stride as usize);
    }
    sums.finish(f.statistic)
}

/// What a walk over a region finds: only what its statistic needs.
#[derive(Default)]
struct Sums {
    count: u32,
    /// Of elements, of distances, or of ones at an end.
    sum: i32,
    squares: u32,
}

impl Sums {
    /// Takes a row in.
    fn add(&mut self, f: &FeatureRecord, row: impl Iterator<Item = i32> + Clone, [low, top]: [i32; 2]) {
        match f.statistic {
            SATURATION => {
                self.sum = self.sum.wrapping_add(hits(row.clone(), |v| v >= top));
                if f.after == 0 {
                    self.sum = self.sum.wrapping_add(hits(row, |v| v <= low));
                }
            }
            ROUGHNESS => {
                let mut next = row.clone();
                next.next();
                let distances = row.zip(next).map(|(a, b)| a.wrapping_sub(b).wrapping_abs());
                self.sum = distances.fold(self.sum, i32::wrapping_add);
            }
            _ => {
                for v in row {
                    self.sum = self.sum.wrapping_add(v);
                    self.squares = self.squares.wrapping_add(v.wrapping_mul(v).cast_unsigned());
                }
            }
        }
    }

    fn finish(&self, statistic: u8) -> i32 {
        if statistic != SPREAD {
            return self.sum;
        }
        let n = i64::from(self.count);
        let square = i64::from(self.sum).wrapping_mul(self.sum.into()).checked_div(n).unwrap_or(0);
        let deviations = i64::from(self.squares).wrapping_sub(square);
        deviations.wrapping_mul(16).checked_div(n).unwrap_or(0) as i32
    }
}

/// How many values are so.
fn hits(row: impl Iterator<Item = i32>, is_so: impl Fn(i32) -> bool) -> i32 {
    row.map(|v| i32::from(is_so(v))).fold(0, i32::wrapping_add)
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

    fn of(statistic: u8, region: FeatureRecord, dtype: DType, bytes: &[u8]) -> i32 {
        extract(&FeatureRecord { statistic, ..region }, dtype, bytes)
    }

    #[test]
    fn a_channel_of_a_picture() {
        // 2 rows of 3 pixels of 2 channels; channel 1 is 1 4 9 / -2 -2 6.
        let x: [i8; 12] = [0, 1, 0, 4, 0, 9, 0, -2, 0, -2, 0, 6];
        let channel = |s| of(s, region(1, [2, 6], [3, 2]), DType::I8, bytemuck::cast_slice(&x));
        // 16 · (142 - 256 / 6) / 6, divisions cut.
        assert_eq!([MEAN, SPREAD, ROUGHNESS].map(channel), [16, 266, 16]);
    }

    #[test]
    fn neighbours_are_walked_as_others_are() {
        let x: [i8; 100] = core::array::from_fn(|i| (i * 37 % 256) as u8 as i8);
        // The same values with a zero after each.
        let apart: [i8; 200] = core::array::from_fn(|i| if i % 2 == 0 { x[i / 2] } else { 0 });
        for statistic in [MEAN, SPREAD, ROUGHNESS, SATURATION] {
            let near = of(statistic, region(2, [3, 30], [29, 1]), DType::I8, bytemuck::cast_slice(&x));
            let far = of(statistic, region(4, [3, 60], [29, 2]), DType::I8, bytemuck::cast_slice(&apart));
            assert_eq!(near, far, "statistic {statistic}");
        }
    }

    #[test]
    fn saturated_elements_are_counted_by_where_the_region_is() {
        let x: [i8; 6] = [-128, 127, 0, 127, -128, -128];
        let saturated = |after| {
            let f = FeatureRecord { after, ..region(0, [2, 3], [3, 1]) };
            of(SATURATION, f, DType::I8, bytemuck::cast_slice(&x))
        };
        assert_eq!([saturated(0), saturated(1)], [5, 2], "of an input both ends, of a layer the upper one");
        // Steps of a half: 127.5 steps are within, 128 beyond.
        let real = [63.5f32, 63.9, 64.0, -70.0];
        assert_eq!(of(SATURATION, region(0, [1, 0], [4, 1]), DType::F32, bytemuck::cast_slice(&real)), 2);
    }

    #[test]
    fn real_values_are_cut_to_whole_ones() {
        let x = [0.6f32, -1.0, f32::NAN, 1e9];
        assert_eq!(of(MEAN, region(0, [1, 0], [4, 1]), DType::F32, bytemuck::cast_slice(&x)), 1 - 2 + 255);
    }

    #[test]
    fn a_region_that_leaves_the_tensor_ends() {
        let endless = region(1, [u32::MAX, 0], [u32::MAX, u32::MAX]);
        assert_eq!(of(MEAN, endless, DType::I8, &[1, 2]), 2);
        assert_eq!(of(MEAN, region(1, [u32::MAX, 0], [u32::MAX, 1]), DType::I8, &[1, 2, 3]), 5);
    }
}
