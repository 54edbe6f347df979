//! `RoiAlign`: each region of `x` brought to the same size, bin by bin, from points sampled linearly.
//!
//! ```text
//! y[r, c, i, j] = mean, or maximum, over the points of bin (i, j) of region r
//! ```
//!
//! A region is `[x1, y1, x2, y2]`, scaled by `spatial_scale`. A bin holds `sampling_ratio`² points, or with 0 as many
//! as elements fall on it, at most as many an axis as `x` is long. As ONNX has it, the maximum is taken over the four
//! weighted neighbours of every point. `f32` only; an index of a sample outside the batch takes the nearest.

use super::gather::product;
use super::indices::{Indices, index_shape};
use crate::pairs::pairs;
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};

crate::attrs! {
    /// Attributes of [`RoiAlign`].
    pub struct RoiAlignAttrs {
        /// Bins along the height.
        pub height: u32,
        /// Bins along the width.
        pub width: u32,
        /// Points along each axis of a bin, at most 128; 0 for as many as elements fall on it.
        pub sampling_ratio: u32,
        /// Elements of `x` per unit of a region.
        pub spatial_scale: f32,
        /// Whether coordinates name edges of elements rather than their centres.
        pub half_pixel: bool,
        /// The maximum rather than the mean.
        pub max: bool,
    }
}

/// `x, regions, samples -> y`; see the module.
pub struct RoiAlign;

impl Op for RoiAlign {
    const CODE: Code = Code(175);
    const NAME: &'static str = "RoiAlign";
    type Attrs = RoiAlignAttrs;

    /// `[n, c, h, w], [r, 4], [r] -> [r, c, height, width]`
    fn infer(attrs: &RoiAlignAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(3)?;
        let (x, regions) = (sig.shape(0, DType::F32)?, sig.shape(1, DType::F32)?);
        let samples = index_shape(sig, 2)?;
        let (&[n, c, h, w], &[r, 4]) = (x, regions) else { return Err(Refusal::Shape) };
        if samples != [r] || n == 0 || h == 0 || w == 0 {
            return Err(Refusal::Shape);
        }
        if attrs.sampling_ratio > 128 || attrs.height == 0 || attrs.width == 0 {
            return Err(Refusal::Attrs);
        }
        out.dims(DType::F32, &[r, c, attrs.height, attrs.width])
    }

    fn run<K: Kernels>(attrs: &RoiAlignAttrs, io: &mut Io<'_>) {
        let (shape, samples) = (io.shape(0), Indices::new(io, 2));
        let &[n, c, h, w] = shape else { return };
        let plane = product(&[h, w]).max(1);
        let bins = product(&[attrs.height, attrs.width]).max(1);
        let (x, regions, y) = (io.input::<f32>(0), io.input::<f32>(1), io.output::<f32>(0));
        let outputs = y.chunks_exact_mut(bins.wrapping_mul(c as usize).max(1));
        for (r, (region, y)) in regions.as_chunks().0.iter().zip(outputs).enumerate() {
            let at = samples.nearest(r, n).wrapping_mul(plane).wrapping_mul(c as usize);
            let x = x.get(at..).unwrap_or(&[]);
            let region = Region::new(attrs, *region, [h, w]);
            for bin in 0..bins as u32 {
                let place = [bin / attrs.width.max(1), bin % attrs.width.max(1)];
                for (x, y) in pairs(x.chunks_exact(plane), y.chunks_exact_mut(bins)) {
                    if let Some(y) = y.get_mut(bin as usize) {
                        *y = region.pool(attrs, place, x);
                    }
                }
            }
        }
    }
}

/// One axis of a region.
#[derive(Clone, Copy)]
struct Side {
    start: f32,
    /// The length of a bin.
    bin: f32,
    /// Points in a bin.
    points: u32,
    /// Elements of `x`.
    len: u32,
}

/// One axis of a point: two neighbours and the weight of the second.
#[derive(Clone, Copy)]
struct Point {
    low: usize,
    high: usize,
    weight: f32,
}

impl Side {
    fn new(attrs: &RoiAlignAttrs, start: f32, end: f32, bins: u32, len: u32) -> Side {
        let offset = if attrs.half_pixel { 0.5 } else { 0.0 };
        let (start, end) = (start * attrs.spatial_scale - offset, end * attrs.spatial_scale - offset);
        let whole = if attrs.half_pixel { end - start } else { (end - start).max(1.0) };
        let bin = whole / bins as f32;
        let adaptive = (libm::ceilf(bin) as u32).min(len);
        Side { start, bin, points: if attrs.sampling_ratio > 0 { attrs.sampling_ratio } else { adaptive }, len }
    }

    /// Point `k` of bin `i`; nothing if it lies off `x`.
    fn point(&self, i: u32, k: u32) -> Option<Point> {
        let at = self.start + i as f32 * self.bin + (k as f32 + 0.5) * self.bin / self.points as f32;
        let last = self.len.saturating_sub(1);
        if !(-1.0..=self.len as f32).contains(&at) {
            return None;
        }
        let at = at.max(0.0);
        let low = (at as u32).min(last);
        let weight = if low == last { 0.0 } else { at - low as f32 };
        Some(Point { low: low as usize, high: low.saturating_add(1).min(last) as usize, weight })
    }
}

struct Region {
    sides: [Side; 2],
}

impl Region {
    fn new(attrs: &RoiAlignAttrs, [x1, y1, x2, y2]: [f32; 4], [h, w]: [u32; 2]) -> Region {
        Region { sides: [Side::new(attrs, y1, y2, attrs.height, h), Side::new(attrs, x1, x2, attrs.width, w)] }
    }

    /// The points of a bin, folded.
    fn pool(&self, attrs: &RoiAlignAttrs, [i, j]: [u32; 2], x: &[f32]) -> f32 {
        let [rows, columns] = self.sides;
        let share = 1.0 / (rows.points as f32 * columns.points as f32).max(1.0);
        // The maximum of NaN and a number is the number.
        let mut value = if attrs.max && rows.points > 0 && columns.points > 0 { f32::NAN } else { 0.0 };
        for k in 0..rows.points {
            for l in 0..columns.points {
                let point = rows.point(i, k).zip(columns.point(j, l));
                let parts = point.map_or([0.0; 4], |(row, column)| corners(x, columns.len as usize, row, column));
                let [a, b, c, d] = parts;
                value = if attrs.max {
                    value.max(a).max(b).max(c).max(d)
                } else {
                    value + (a + b + c + d) * share
                };
            }
        }
        value
    }
}

/// The four neighbours of a point, weighted.
fn corners(x: &[f32], width: usize, row: Point, column: Point) -> [f32; 4] {
    let of = |r: usize, c: usize, weight: f32| x.get(r.wrapping_mul(width).wrapping_add(c)).map_or(0.0, |x| x * weight);
    let (ly, lx) = (row.weight, column.weight);
    [
        of(row.low, column.low, (1.0 - ly) * (1.0 - lx)),
        of(row.low, column.high, (1.0 - ly) * lx),
        of(row.high, column.low, ly * (1.0 - lx)),
        of(row.high, column.high, ly * lx),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    const ATTRS: RoiAlignAttrs =
        RoiAlignAttrs { height: 1, width: 2, sampling_ratio: 1, spatial_scale: 1.0, half_pixel: true, max: false };

    fn x() -> Tensor {
        Tensor::of(&[2, 1, 2, 2], &[9f32, 9., 9., 9., 0., 1., 2., 3.])
    }

    #[test]
    fn samples_the_middle_of_bins() {
        let (regions, samples) = (Tensor::of(&[1, 4], &[0f32, 0., 2., 2.]), Tensor::of(&[1], &[1i64]));
        let y = run::<RoiAlign>(&ATTRS, &[&x(), &regions, &samples]).unwrap();
        assert_eq!(y, Tensor::of(&[1, 1, 1, 2], &[1f32, 2.]));
        let adaptive = RoiAlignAttrs { sampling_ratio: 0, width: 1, ..ATTRS };
        let y = run::<RoiAlign>(&adaptive, &[&x(), &regions, &samples]).unwrap();
        assert_eq!(y.get::<f32>(), [1.5]);
        let max = RoiAlignAttrs { max: true, ..adaptive };
        assert_eq!(run::<RoiAlign>(&max, &[&x(), &regions, &samples]).unwrap().get::<f32>(), [3.0]);
    }

    #[test]
    fn a_region_without_bounds_ends() {
        let (regions, samples) = (Tensor::of(&[1, 4], &[f32::MIN, 0., f32::MAX, f32::NAN]), Tensor::of(&[1], &[7i64]));
        let adaptive = RoiAlignAttrs { sampling_ratio: 0, ..ATTRS };
        assert!(run::<RoiAlign>(&adaptive, &[&x(), &regions, &samples]).is_ok());
    }

    #[test]
    fn refuses_regions_of_other_than_four_numbers() {
        let (regions, samples) = (Tensor::of(&[1, 5], &[0f32; 5]), Tensor::of(&[1], &[0i64]));
        assert_eq!(run::<RoiAlign>(&ATTRS, &[&x(), &regions, &samples]).unwrap_err(), Refusal::Shape);
        let regions = Tensor::of(&[1, 4], &[0f32; 4]);
        let many = RoiAlignAttrs { sampling_ratio: 129, ..ATTRS };
        assert_eq!(run::<RoiAlign>(&many, &[&x(), &regions, &samples]).unwrap_err(), Refusal::Attrs);
    }
}
