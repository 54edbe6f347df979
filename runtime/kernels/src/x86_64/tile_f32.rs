//! The inner loop of dense float kernels: a few rows by 8 or 16 columns, all sums in registers.
//!
//! ```text
//! y[output r][o] = clamp(bias[o] + Σ_segments Σ_k x[window r + segment + k] · w[..][o])
//! ```
//!
//! The bound is FMA: two a cycle on Zen 3, 8 products each. A sum takes its products in order, so results do not depend on how rows
//! are grouped. The only row of a product has four sums that are added in the end, or its additions would wait for each other.

use super::segments::{Segments, share};
use super::strip::Pixels;
use core::arch::x86_64::*;

/// Sums of `8 · V` columns of one row, in order.
pub(super) type Sums<const V: usize> = [__m256; V];

/// Rows of a tile of 16 columns: their sums leave four of the 16 registers.
pub(super) const ROWS: usize = 6;

/// Rows of a tile of 8 columns, where there are many: pointers to more would not fit the other registers.
const NARROW: usize = 8;

/// Weights: `len` rows for each segment, `step` elements apart, `8 · V` of which are read.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) data: &'a [f32],
    pub(super) step: usize,
}

/// Where the results of some columns go, and their bounds.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The first column, and how many: at most `8 · V`.
    pub(super) first: usize,
    pub(super) len: usize,
    pub(super) clamp: (f32, f32),
}

/// What goes under the panels of a product: windows into `x`, of `len` elements for each segment.
#[derive(Clone, Copy)]
pub(super) struct Under<'a> {
    pub(super) x: &'a [f32],
    pub(super) segments: &'a Segments,
    pub(super) len: usize,
}

/// Some columns of a product.
pub(super) struct Panel<'a, const V: usize> {
    under: Under<'a>,
    w: Rows<'a>,
    start: Sums<V>,
    place: Place,
    /// Whether sums are added to what stands in `y`.
    add: bool,
}

impl<'a, const V: usize> Panel<'a, V> {
    /// Nothing if there are fewer weights than windows have elements, or none.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn new(under: Under<'a>, w: Rows<'a>, bias: &[f32], place: Place) -> Option<Panel<'a, V>> {
        let rows = under.segments.offsets().len().saturating_mul(under.len);
        let reach = rows.checked_sub(1)?.saturating_mul(w.step).saturating_add(V.wrapping_mul(8));
        (reach <= w.data.len()).then(|| Panel { under, w, start: vectors(bias), place, add: false })
    }

    /// The same, added to what stands in `y` instead of to a bias.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn added(self) -> Panel<'a, V> {
        Panel { start: [_mm256_setzero_ps(); V], add: true, ..self }
    }

    /// Multiplies rows, which are not all of a product that has only one.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run(&self, mut pixels: Pixels, y: &mut [f32]) {
        while V == 1 && pixels.left >= NARROW {
            self.tiles::<NARROW>(&mut pixels, y);
        }
        let most = share(pixels.left, ROWS);
        while pixels.left > 0 {
            match pixels.left.min(most) {
                6 => self.tiles::<6>(&mut pixels, y),
                5 => self.tiles::<5>(&mut pixels, y),
                4 => self.tiles::<4>(&mut pixels, y),
                3 => self.tiles::<3>(&mut pixels, y),
                2 => self.tiles::<2>(&mut pixels, y),
                _ => self.tiles::<1>(&mut pixels, y),
            }
        }
    }

    /// Multiplies the next rows, `R` at a time: as many as lie in a line, or `R`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn tiles<const R: usize>(&self, pixels: &mut Pixels, y: &mut [f32]) {
        let count = pixels.in_line() / R;
        if count > 0 && !self.add && self.place.len == V.wrapping_mul(8) {
            self.line::<R>(count, pixels, y);
        } else {
            self.tile::<R>(pixels, y);
        }
    }

    /// Multiplies the next `count` times `R` rows, which lie in a line; none if `x` or `y` is too short. A function of its own, so that
    /// nothing else wants its registers.
    #[inline(never)]
    #[target_feature(enable = "avx2,fma")]
    fn line<const R: usize>(&self, count: usize, pixels: &mut Pixels, y: &mut [f32]) {
        let Under { x, segments, len } = self.under;
        let rows = count.saturating_mul(R);
        let ([window, output], step) = pixels.take_line(rows);
        let last = |at: usize, step: usize| at.saturating_add(rows.saturating_sub(1).saturating_mul(step));
        let written = last(output, step[1]).saturating_add(self.place.first).saturating_add(V.wrapping_mul(8));
        if segments.reach(&[last(window, step[0])], len) > x.len() || written > y.len() {
            return;
        }
        let mut x = x.as_ptr().wrapping_add(window);
        let mut y = y.as_mut_ptr().wrapping_add(output.wrapping_add(self.place.first));
        for _ in 0..count {
            // SAFETY: the last row of the last tile reads and writes within the slices, and rows rise.
            unsafe {
                let sums = self.sums(core::array::from_fn::<_, R, _>(|r| x.wrapping_add(r * step[0])));
                self.write(&sums, core::array::from_fn(|r| y.wrapping_add(r * step[1])));
            }
            x = x.wrapping_add(R * step[0]);
            y = y.wrapping_add(R * step[1]);
        }
    }

    /// Multiplies the next `R` rows, wherever they lie; none if `x` is too short.
    #[inline(never)]
    #[target_feature(enable = "avx2,fma")]
    fn tile<const R: usize>(&self, pixels: &mut Pixels, y: &mut [f32]) {
        let Under { x, segments, len } = self.under;
        let (windows, outputs) = pixels.take::<R>();
        if segments.reach(&windows, len) <= x.len() {
            // SAFETY: each window has `len` elements from the last offset on, says `reach`.
            let sums = unsafe { self.sums(windows.map(|at| x.as_ptr().wrapping_add(at))) };
            self.store(&sums, &outputs, y);
        }
    }

    /// The sums of the rows whose windows begin at `x`.
    ///
    /// # Safety
    /// Each window has its elements from each offset on.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn sums<const R: usize>(&self, x: [*const f32; R]) -> [Sums<V>; R] {
        let mut sums = [self.start; R];
        let mut w = self.w.data.as_ptr();
        for &offset in self.under.segments.offsets() {
            let x = x.map(|x| x.wrapping_add(offset));
            for k in 0..self.under.len {
                // SAFETY: the caller says so; `new` has counted the weights.
                unsafe { multiply(x, k, w, &mut sums) };
                w = w.wrapping_add(self.w.step);
            }
        }
        sums
    }

    /// Clamps the sums of some rows, which begin at `at` in `y`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn store<const R: usize>(&self, sums: &[Sums<V>; R], at: &[usize; R], y: &mut [f32]) {
        let Place { first, len, .. } = self.place;
        let last = at.iter().fold(0usize, |last, &at| last.max(at)).saturating_add(first);
        if self.add || len != V.wrapping_mul(8) || last.saturating_add(len) > y.len() {
            // A copy, so that the others stay in registers.
            let parts = *sums;
            return store_parts(self.place, self.add, &parts, at, y);
        }
        // SAFETY: `8 · V` elements from the last start on are in `y`, and no start lies behind it.
        unsafe { self.write(sums, at.map(|at| y.as_mut_ptr().wrapping_add(at + first))) };
    }

    /// Clamps sums. A NaN stays.
    ///
    /// # Safety
    /// There are `8 · V` elements from each of `y` on.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn write<const R: usize>(&self, sums: &[Sums<V>; R], y: [*mut f32; R]) {
        let (min, max) = (_mm256_set1_ps(self.place.clamp.0), _mm256_set1_ps(self.place.clamp.1));
        // By reference: iterators that own the sums would put them into memory.
        for (sums, y) in sums.iter().zip(y) {
            for (v, &sum) in sums.iter().enumerate() {
                // With a NaN these give their second operand.
                let sum = _mm256_min_ps(max, _mm256_max_ps(min, sum));
                // SAFETY: the caller says so.
                unsafe { _mm256_storeu_ps(y.add(v * 8), sum) };
            }
        }
    }
}

/// Some columns of the only row of a product, whose window begins at `window` and whose results at `output`; none if operands are too
/// short. Without a [`Panel`], which would cost as much as short rows do.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn row<const V: usize>(
    under: Under<'_>,
    [window, output]: [usize; 2],
    weights: Rows<'_>,
    bias: &[f32],
    place: Place,
    y: &mut [f32],
) {
    let Under { x, segments, len } = under;
    let rows = segments.offsets().len().saturating_mul(len);
    let reach = rows.saturating_sub(1).saturating_mul(weights.step).saturating_add(V.wrapping_mul(8));
    if segments.reach(&[window], len) > x.len() || reach > weights.data.len() || rows == 0 {
        return;
    }
    let mut sums = vectors::<V>(bias);
    let mut w = weights.data.as_ptr();
    for &offset in segments.offsets() {
        // SAFETY: the window has `len` elements from each offset on, and there are as many weights, say the two reaches.
        unsafe { lone(x.as_ptr().add(window + offset), len, w, weights.step, &mut sums) };
        w = w.wrapping_add(len.wrapping_mul(weights.step));
    }
    let start = output.wrapping_add(place.first);
    match y.get_mut(start..).and_then(|y| y.get_mut(..V.wrapping_mul(8))) {
        Some(y) if place.len == V.wrapping_mul(8) => {
            let (min, max) = (_mm256_set1_ps(place.clamp.0), _mm256_set1_ps(place.clamp.1));
            for (v, sum) in sums.into_iter().enumerate() {
                // SAFETY: `y` has `8 · V` elements.
                unsafe { _mm256_storeu_ps(y.as_mut_ptr().add(v * 8), _mm256_min_ps(max, _mm256_max_ps(min, sum))) };
            }
        }
        _ => store_parts(place, false, &[sums], &[output], y),
    }
}

/// As [`Panel::store`], for sums that are added, and for fewer columns than there are lanes.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn store_parts<const V: usize>(place: Place, add: bool, sums: &[Sums<V>], at: &[usize], y: &mut [f32]) {
    let (min, max) = (_mm256_set1_ps(place.clamp.0), _mm256_set1_ps(place.clamp.1));
    for (sums, at) in sums.iter().zip(at) {
        let start = at.wrapping_add(place.first);
        let y = y.get_mut(start..start.wrapping_add(place.len)).unwrap_or(&mut []);
        let earlier = if add { vectors::<V>(y) } else { [_mm256_setzero_ps(); V] };
        for ((y, &sum), earlier) in y.chunks_mut(8).zip(sums).zip(earlier) {
            let sum = if add { _mm256_add_ps(sum, earlier) } else { sum };
            store_lanes(_mm256_min_ps(max, _mm256_max_ps(min, sum)), y);
        }
    }
}

/// Writes as many lanes as `y` has elements.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn store_lanes(sum: __m256, y: &mut [f32]) {
    if let Some(whole) = y.first_chunk_mut::<8>() {
        // SAFETY: there are 8 elements.
        unsafe { _mm256_storeu_ps(whole.as_mut_ptr(), sum) };
        return;
    }
    let mut lanes = [0.0; 8];
    // SAFETY: there are 8 elements.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
    y.iter_mut().zip(lanes).for_each(|(y, l)| *y = l);
}

/// Adds the products of element `k` of each window.
///
/// # Safety
/// Element `k` of each of `x` and `8 · V` elements of `w` are there.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn multiply<const R: usize, const V: usize>(
    x: [*const f32; R],
    k: usize,
    w: *const f32,
    sums: &mut [Sums<V>; R],
) {
    // SAFETY: the caller says so.
    let weights: Sums<V> = core::array::from_fn(|v| unsafe { _mm256_loadu_ps(w.add(v * 8)) });
    for (sums, x) in sums.iter_mut().zip(x) {
        // SAFETY: the caller says so.
        let x = _mm256_set1_ps(unsafe { *x.add(k) });
        for (sum, w) in sums.iter_mut().zip(weights) {
            *sum = _mm256_fmadd_ps(x, w, *sum);
        }
    }
}

/// One row: four partial sums for each vector.
///
/// # Safety
/// `len` elements of `x`, and `8 · V` from every `step`-th element of `w` on, are there.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn lone<const V: usize>(x: *const f32, len: usize, w: *const f32, step: usize, sums: &mut Sums<V>) {
    let mut parts = [[_mm256_setzero_ps(); V]; 4];
    let add = |part: &mut Sums<V>, k: usize| {
        // SAFETY: the caller says that element `k` and its weights are there.
        unsafe { multiply([x], k, w.add(k * step), core::array::from_mut(part)) };
    };
    let whole = len / 4 * 4;
    for k in (0..whole).step_by(4) {
        for (i, part) in parts.iter_mut().enumerate() {
            add(part, k + i);
        }
    }
    for (i, part) in parts.iter_mut().enumerate().take(len - whole) {
        add(part, whole + i);
    }
    let [a, b, c, d] = parts;
    for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *sum = _mm256_add_ps(*sum, _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
    }
}

/// Up to 16 values as vectors; 0 beyond them.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn vectors<const V: usize>(values: &[f32]) -> Sums<V> {
    if let Some(whole) = values.first_chunk::<16>() {
        // SAFETY: 8 elements from 0 and from 8 on are there.
        return core::array::from_fn(|v| unsafe { _mm256_loadu_ps(whole.as_ptr().add((v * 8).min(8))) });
    }
    let mut lanes = [0.0; 16];
    lanes.iter_mut().zip(values).for_each(|(l, &v)| *l = v);
    // SAFETY: 8 elements from 0 and from 8 on are there.
    core::array::from_fn(|v| unsafe { _mm256_loadu_ps(lanes.as_ptr().add((v * 8).min(8))) })
}
