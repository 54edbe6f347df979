//! Dot products of a few patches with a few rows of weights.
//!
//! ```text
//! sums[p][o] += Σ_k patches[p][k] · weights[o][k]
//! ```
//!
//! Four patches share each load of a weight; other numbers of patches go one by one.

use super::window_i8::part;
use crate::ToI8;
use crate::int8::{Patch, Rows, Sums, TILE_COLS, TILE_ROWS};

/// Adds the products of `patches` with `weights` to `sums`, both by patch. Elements of a patch beyond the length of a
/// row of weights are not read, nor are sums of rows that are not there.
pub fn tile_i8(sums: &mut [Sums], patches: &[Patch], weights: Rows<'_>) {
    let rows = weights.data.chunks(weights.stride.max(1)).filter_map(|row| row.get(..weights.len));
    let four = (<&mut [Sums; TILE_ROWS]>::try_from(&mut *sums), <&[Patch; TILE_ROWS]>::try_from(patches));
    if let (Ok([s0, s1, s2, s3]), Ok(patches)) = four {
        for ((((row, s0), s1), s2), s3) in rows.zip(s0).zip(s1).zip(s2).zip(s3) {
            let dots = dots(patches, row);
            for (s, dot) in [s0, s1, s2, s3].into_iter().zip(dots) {
                *s = s.wrapping_add(dot);
            }
        }
    } else {
        for (sums, patch) in sums.iter_mut().zip(patches) {
            for (row, s) in rows.clone().zip(sums) {
                *s = s.wrapping_add(dot(patch, row));
            }
        }
    }
}

#[inline]
fn dots([a, b, c, d]: &[Patch; TILE_ROWS], row: &[i8]) -> [i32; TILE_ROWS] {
    let [mut sa, mut sb, mut sc, mut sd] = [0i32; TILE_ROWS];
    for ((((&w, &a), &b), &c), &d) in row.iter().zip(a).zip(b).zip(c).zip(d) {
        sa = sa.wrapping_add(product(a, w));
        sb = sb.wrapping_add(product(b, w));
        sc = sc.wrapping_add(product(c, w));
        sd = sd.wrapping_add(product(d, w));
    }
    [sa, sb, sc, sd]
}

#[inline]
fn dot(patch: &Patch, row: &[i8]) -> i32 {
    row.iter().zip(patch).fold(0, |sum: i32, (&w, &x)| sum.wrapping_add(product(x, w)))
}

#[inline]
fn product(x: i16, w: i8) -> i32 {
    i32::from(x).wrapping_mul(i32::from(w))
}

/// The biases of `len` channels from `from` on, then 0.
#[inline]
pub(super) fn biases(bias: &[i32], from: usize, len: usize) -> Sums {
    let mut sums = [0; TILE_COLS];
    for (sum, &bias) in sums.iter_mut().zip(part(bias, from, len)) {
        *sum = bias;
    }
    sums
}

/// Requantizes the sums of some channels of a pixel into its output.
#[inline]
pub(super) fn finish(output: ToI8, scale: &[f32], sums: &[i32], y: &mut [i8]) {
    for ((y, &sum), &scale) in y.iter_mut().zip(sums).zip(scale) {
        *y = output.requantize(sum, scale);
    }
}

/// `patch[i] = line[from + i] - zero`, 0 beyond either end of the line.
#[inline]
pub(super) fn widen(patch: &mut [i16], line: &[i8], from: isize, zero: i8) {
    let before = usize::try_from(from.wrapping_neg()).unwrap_or(0).min(patch.len());
    let (pad, patch) = patch.split_at_mut_checked(before).unwrap_or_default();
    let line = line.get(usize::try_from(from).unwrap_or(0)..).unwrap_or(&[]);
    let on_input = patch.len().min(line.len());
    let (patch, rest) = patch.split_at_mut_checked(on_input).unwrap_or_default();
    pad.fill(0);
    rest.fill(0);
    for (p, &x) in patch.iter_mut().zip(line) {
        *p = i16::from(x).wrapping_sub(i16::from(zero));
    }
}
