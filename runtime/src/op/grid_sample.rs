//! `GridSample`: `x` sampled where a grid points, over one to three spatial axes.
//!
//! ```text
//! y[n, c, o..] = Σ_taps weight · x[n, c, tap..]    around the point grid[n, o.., :]
//! ```
//!
//! The grid's last axis names the innermost spatial axis first. -1 and 1 are the outer edges of the outermost elements,
//! or with `align_corners` their centres. `x` may be `f32`, `f16`, `f64`, `i8`, `u8` or `i16`; the grid is `f32`.
//! A point that is not a number gives some element or nothing, never more.

use super::gather::product;
use super::number::Number;
use super::real::{is_real, weighted};
use crate::quant::round_half_even;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, MAX_RANK, Op, Outputs, Shape, Sig};

crate::choice! {
    /// How values between elements come about.
    pub enum SampleMode {
        /// The nearest element, halves to the even one.
        Nearest = "nearest",
        /// Linearly between two an axis.
        Linear = "linear",
        /// Keys' cubic with a = -0.75, over four an axis.
        Cubic = "cubic",
    }
}

crate::choice! {
    /// What lies outside.
    pub enum Padding {
        /// Zeros.
        Zeros = "zeros",
        /// The outermost elements, repeated.
        Border = "border",
        /// The elements, mirrored at the edges.
        Reflection = "reflection",
    }
}

crate::attrs! {
    /// Attributes of [`GridSample`].
    pub struct GridSampleAttrs {
        /// How values between elements come about.
        pub mode: SampleMode,
        /// What lies outside.
        pub padding: Padding,
        /// Whether -1 and 1 are the centres of the outermost elements.
        pub align_corners: bool,
    }
}

/// `x, grid -> y`; see the module.
pub struct GridSample;

impl Op for GridSample {
    const CODE: Code = Code(174);
    const NAME: &'static str = "GridSample";
    type Attrs = GridSampleAttrs;

    /// `[n, c, d..], [n, o.., |d|] -> [n, c, o..]`
    fn infer(_: &GridSampleAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let (x, grid) = (sig.ty(0)?, sig.shape(1, DType::F32)?);
        let (&[batch, channels, ref spatial @ ..], &[points, ref over @ .., axes]) = (x.shape, grid)
        else {
            return Err(Refusal::Shape);
        };
        let same = batch == points && spatial.len() == over.len() && axes as usize == spatial.len();
        if !same || !(1..=3).contains(&axes) || spatial.contains(&0) {
            return Err(Refusal::Shape);
        }
        let mut dims = [1; MAX_RANK];
        for (slot, &dim) in dims.iter_mut().zip([batch, channels].iter().chain(over)) {
            *slot = dim;
        }
        let shape = dims.get(..x.shape.rank()).and_then(Shape::new).ok_or(Refusal::Shape)?;
        if is_real(x.dtype) { out.dims(x.dtype, &shape) } else { Err(Refusal::DType) }
    }

    fn run<K: Kernels>(attrs: &GridSampleAttrs, io: &mut Io<'_>) {
        sample(attrs, io);
    }
}

fn sample(attrs: &GridSampleAttrs, io: &mut Io<'_>) {
    let (Some(ty), grid_shape) = (io.ty(0), io.shape(1)) else { return };
    let &[_, channels, ref spatial @ ..] = ty.shape else { return };
    let (plane, axes) = (product(spatial), spatial.len().max(1));
    let points = product(grid_shape.get(1..=axes).unwrap_or(&[]));
    let (x, singles, grid, y) = (io.bytes(0), io.input::<f32>(0), io.input::<f32>(1), io.output_bytes(0));
    for (n, grid) in grid.chunks_exact(points.wrapping_mul(axes).max(1)).enumerate() {
        for (p, point) in grid.chunks_exact(axes).enumerate() {
            let taps = Taps::around(attrs, spatial, point);
            for c in 0..channels as usize {
                let image = n.wrapping_mul(channels as usize).wrapping_add(c);
                let first = image.wrapping_mul(plane);
                let value = if ty.dtype == DType::F32 {
                    Number::F32(taps.iter().fold(0.0, |sum, (at, weight)| {
                        singles.get(first.wrapping_add(at)).map_or(sum, |x| sum + weight * x)
                    }))
                } else {
                    let load = |at: usize| Number::load(ty.dtype, x, first.wrapping_add(at));
                    weighted(ty.dtype, &mut taps.iter().filter_map(|(at, weight)| Some((weight, load(at)?))))
                };
                value.store(ty.dtype, y, image.wrapping_mul(points).wrapping_add(p));
            }
        }
    }
}

/// The elements around a point and their weights: at most four an axis.
struct Taps {
    list: [(usize, f32); 64],
    len: usize,
}

impl Taps {
    fn iter(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        self.list.iter().copied().take(self.len)
    }

    fn around(attrs: &GridSampleAttrs, spatial: &[u32], point: &[f32]) -> Taps {
        let mut taps = Taps { list: [(0, 1.0); 64], len: 1 };
        // Outermost first, so that positions grow as in row-major order; the grid names axes the other way around.
        for (&len, &coordinate) in spatial.iter().zip(point.iter().rev()) {
            let axis = axis_taps(attrs, len, coordinate);
            let mut grown = Taps { list: taps.list, len: 0 };
            for (at, weight) in taps.iter() {
                for &(index, w) in &axis {
                    if let (Some(index), Some(slot)) = (index, grown.list.get_mut(grown.len)) {
                        *slot = (at.wrapping_mul(len as usize).wrapping_add(index), weight * w);
                        grown.len = grown.len.wrapping_add(1);
                    }
                }
            }
            taps = grown;
        }
        taps
    }
}

/// The positions on one axis, nothing for one outside or not needed, and their weights.
fn axis_taps(attrs: &GridSampleAttrs, len: u32, coordinate: f32) -> [(Option<usize>, f32); 4] {
    let edges = Edges::new(attrs, len);
    let n = len as f32;
    let x =
        if attrs.align_corners { (coordinate + 1.0) / 2.0 * (n - 1.0) } else { ((coordinate + 1.0) * n - 1.0) / 2.0 };
    let x = if attrs.mode == SampleMode::Nearest { round_half_even(x) } else { x };
    // Cubic sampling repeats elements beyond a border, not the border's value: PyTorch's way, without a step there.
    let cubic_border = attrs.mode == SampleMode::Cubic && attrs.padding == Padding::Border;
    let x = if cubic_border { x } else { edges.bring_in(x) };
    let floor = libm::floorf(x);
    let (first, r) = (floor as i64, x - floor);
    let (before, weights) = match attrs.mode {
        SampleMode::Nearest => (0, [1.0, 0.0, 0.0, 0.0]),
        SampleMode::Linear => (0, [1.0 - r, r, 0.0, 0.0]),
        SampleMode::Cubic => (1, [outer(r + 1.0), inner(r), inner(1.0 - r), outer(2.0 - r)]),
    };
    let mut at = first.saturating_sub(before);
    weights.map(|weight| {
        // A tap without weight might hold a NaN.
        let index = if weight == 0.0 { None } else { edges.index(at) };
        at = at.saturating_add(1);
        (index, weight)
    })
}

const A: f32 = -0.75;

/// Keys' cubic within 1 of the middle.
fn inner(d: f32) -> f32 {
    ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
}

/// Keys' cubic between 1 and 2.
fn outer(d: f32) -> f32 {
    ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A
}

/// An axis and what lies beyond its edges.
struct Edges {
    padding: Padding,
    len: u32,
    low: f32,
    high: f32,
}

impl Edges {
    fn new(attrs: &GridSampleAttrs, len: u32) -> Edges {
        let out = if attrs.align_corners { 0.0 } else { 0.5 };
        Edges { padding: attrs.padding, len, low: -out, high: len as f32 - 1.0 + out }
    }

    /// A coordinate outside, replaced by the one inside that it stands for.
    fn bring_in(&self, x: f32) -> f32 {
        match self.padding {
            _ if self.low <= x && x <= self.high => x,
            Padding::Zeros => x,
            Padding::Border => x.clamp(0.0, (self.len as f32 - 1.0).max(0.0)),
            Padding::Reflection => self.reflect(x),
        }
    }

    fn reflect(&self, x: f32) -> f32 {
        let range = self.high - self.low;
        if range <= 0.0 {
            return self.low;
        }
        let (far, period) = ((x - self.low).abs(), 2.0 * range);
        let around = (far - period * libm::floorf(far / period)).max(0.0).min(period);
        self.low + around.min(period - around)
    }

    /// The element that position `at` stands for; nothing if it is a zero outside.
    fn index(&self, at: i64) -> Option<usize> {
        let last = i64::from(self.len).wrapping_sub(1);
        let inside = (0..=last).contains(&at);
        let at = match self.padding {
            _ if inside => at,
            Padding::Zeros => return None,
            Padding::Border => at.clamp(0, last.max(0)),
            Padding::Reflection => (self.reflect(at as f32) as i64).clamp(0, last.max(0)),
        };
        usize::try_from(at).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    fn sampled(mode: SampleMode, padding: Padding, align_corners: bool) -> Tensor {
        let x = Tensor::of(&[1, 2, 2, 2], &[0f32, 1., 2., 3., 0., 10., 20., 30.]);
        let grid = Tensor::of(&[1, 1, 3, 2], &[0f32, 0., 1., -1., -2.0, 1.5]);
        run::<GridSample>(&GridSampleAttrs { mode, padding, align_corners }, &[&x, &grid]).unwrap()
    }

    #[test]
    fn samples_between_and_beyond_elements() {
        use {Padding::*, SampleMode::*};
        let of = |v: [f32; 3]| Tensor::of(&[1, 2, 1, 3], &[v[0], v[1], v[2], v[0] * 10., v[1] * 10., v[2] * 10.]);
        assert_eq!(sampled(Linear, Zeros, false), of([1.5, 0.25, 0.0]));
        assert_eq!(sampled(Linear, Border, false), of([1.5, 1.0, 2.0]));
        assert_eq!(sampled(Linear, Reflection, true), of([1.5, 1.0, 2.0]));
        assert_eq!(sampled(Nearest, Zeros, true), of([0.0, 1.0, 2.0]));
        assert_eq!(sampled(Cubic, Border, true), of([1.5, 1.0, 2.117_187_5]));
    }

    #[test]
    fn points_that_are_no_numbers_stay_inside() {
        let x = Tensor::of(&[1, 1, 2], &[1f32, 2.]);
        for padding in Padding::ALL {
            for mode in SampleMode::ALL {
                let attrs = GridSampleAttrs { mode: *mode, padding: *padding, align_corners: false };
                let grid = Tensor::of(&[1, 3, 1], &[f32::NAN, f32::INFINITY, f32::MIN]);
                assert_eq!(run::<GridSample>(&attrs, &[&x, &grid]).unwrap().dims(), [1, 1, 3]);
            }
        }
    }

    #[test]
    fn refuses_a_grid_over_other_axes() {
        let attrs = GridSampleAttrs { mode: SampleMode::Linear, padding: Padding::Zeros, align_corners: false };
        let (x, grid) = (Tensor::of(&[1, 1, 2, 2], &[0f32; 4]), Tensor::of(&[1, 2, 2, 3], &[0f32; 12]));
        assert_eq!(run::<GridSample>(&attrs, &[&x, &grid]).unwrap_err(), Refusal::Shape);
        let (x, grid) = (Tensor::of(&[1, 1, 0, 2], &[0f32; 0]), Tensor::of(&[1, 1, 1, 2], &[0f32; 2]));
        assert_eq!(run::<GridSample>(&attrs, &[&x, &grid]).unwrap_err(), Refusal::Shape);
    }
}
