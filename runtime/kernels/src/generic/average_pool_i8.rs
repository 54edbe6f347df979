//! Average pooling, channels last.
//!
//! ```text
//! y[n,i,j,c] = round(f32(Σ_{k,l} (x[n, i·s+k·d-p, j·s'+l·d'-p', c] - x_zero)) · (scale / f32(count)))
//! ```
//!
//! `count` is the number of taps of the window, or of those that lie on the input; a window without any gives the
//! output's zero point.

use super::window_i8::{BLOCK, each_pixel, part};
use crate::int8::AveragePoolI8;

/// Averages `pool.x` over windows into `y`, `[batch, height, width, channels]`.
pub fn average_pool_i8(pool: &AveragePoolI8<'_>, y: &mut [i8]) {
    let [_, rows, cols] = &pool.geometry.axes;
    let all = rows.kernel.saturating_mul(cols.kernel);
    each_pixel(&pool.geometry, pool.x, y, |window, x, y| {
        let count = if pool.count_include_pad { all } else { window.count() };
        let scale = if count == 0 { 0.0 } else { pool.scale / count as f32 };
        let zeros = i32::from(pool.x_zero).wrapping_mul((window.count() as i32).wrapping_neg());
        for (y, from) in y.chunks_mut(BLOCK).zip((0..).step_by(BLOCK)) {
            let mut sums = [zeros; BLOCK];
            window.each_tap(|at, _| {
                for (sum, &x) in sums.iter_mut().zip(part(x, at.wrapping_add(from), y.len())) {
                    *sum = sum.wrapping_add(i32::from(x));
                }
            });
            for (y, sum) in y.iter_mut().zip(sums) {
                *y = pool.output.requantize(sum, scale);
            }
        }
    });
}
