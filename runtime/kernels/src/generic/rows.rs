//! Rows of outputs, and the rows of the input under them: the outer loops of every sliding window.

use crate::Axis;
use core::ops::Range;

/// A row of outputs of one sample.
pub(crate) struct Row {
    sample: usize,
    z: usize,
    y: usize,
    pub(crate) z_taps: Range<usize>,
    pub(crate) y_taps: Range<usize>,
}

/// Calls `f` with every row of outputs, each `len` elements of `y`.
#[inline(always)]
pub(crate) fn each_row<T>(axes: &[Axis; 3], batch: usize, len: usize, y: &mut [T], mut f: impl FnMut(&Row, &mut [T])) {
    let [z_axis, y_axis, _] = axes;
    let mut rows = y.chunks_exact_mut(len.max(1));
    for sample in 0..batch {
        for z in 0..z_axis.output {
            for y in 0..y_axis.output {
                let row = Row { sample, z, y, z_taps: z_axis.taps(z), y_taps: y_axis.taps(y) };
                f(&row, rows.next().unwrap_or(&mut []));
            }
        }
    }
}

impl Row {
    /// Calls `f` with every row under the window: its first pixel in the input, and the number of its first tap.
    #[inline(always)]
    pub(crate) fn each_input(&self, axes: &[Axis; 3], mut f: impl FnMut(usize, usize)) {
        for kz in self.z_taps.clone() {
            for ky in self.y_taps.clone() {
                let (pixel, tap) = self.input(axes, kz, ky);
                f(pixel, tap);
            }
        }
    }

    /// The row under taps `kz` and `ky`: its first pixel in the input, and the number of its first tap.
    #[inline(always)]
    pub(crate) fn input(&self, [z_axis, y_axis, x_axis]: &[Axis; 3], kz: usize, ky: usize) -> (usize, usize) {
        let z = self.sample.wrapping_mul(z_axis.input).wrapping_add(z_axis.position(self.z, kz));
        let y = z.wrapping_mul(y_axis.input).wrapping_add(y_axis.position(self.y, ky));
        let tap = kz.wrapping_mul(y_axis.kernel).wrapping_add(ky).wrapping_mul(x_axis.kernel);
        (y.wrapping_mul(x_axis.input), tap)
    }
}
