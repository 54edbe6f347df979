//! Depthwise convolution, channels last: one output channel per input channel.
//!
//! ```text
//! y[n,i,j,c] = requantize(bias[c] + Σ_{k,l} (x[n, i·s+k·d-p, j·s'+l·d'-p', c] - x_zero) · w[k,l,c])
//! ```
//!
//! Channels go in blocks whose sums stay on the stack; padding is never visited. The zero point leaves the inner loop:
//! `Σ (x - x_zero) · w = Σ x·w - x_zero · Σ w`, where the last sum is the same for every window that lies on the input
//! as a whole.

use super::tile_i8::finish;
use super::window_i8::{BLOCK, Window, each_pixel, part};
use crate::int8::ConvI8;

/// Convolves `conv.x` with `conv.w`, `[height, width, channels]`, into `y`, `[batch, height, width, channels]`.
pub fn depthwise_conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
    depthwise_channels(conv, 0, y);
}

/// The output channels from `first` on.
pub(crate) fn depthwise_channels(conv: &ConvI8<'_>, first: usize, y: &mut [i8]) {
    for from in (first..conv.geometry.out_channels).step_by(BLOCK) {
        let len = conv.geometry.out_channels.wrapping_sub(from).min(BLOCK);
        let whole = start(conv, &Window::whole(&conv.geometry), from, len);
        each_pixel(&conv.geometry, conv.x, y, |window, x, y| {
            let mut sums = if window.is_whole() { whole } else { start(conv, window, from, len) };
            window.each_tap(|at_x, at_w| {
                let x = part(x, at_x.wrapping_add(from), len);
                let w = part(conv.w, at_w.wrapping_add(from), len);
                for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(w) {
                    *sum = sum.wrapping_add(i32::from(x).wrapping_mul(i32::from(w)));
                }
            });
            finish(conv.output, part(conv.scale, from, len), &sums, y.get_mut(from..).unwrap_or_default());
        });
    }
}

/// `bias - x_zero · Σ w` over the taps of a window, for `len` channels from `from` on.
fn start(conv: &ConvI8<'_>, window: &Window<'_>, from: usize, len: usize) -> [i32; BLOCK] {
    let mut sums = [0i32; BLOCK];
    window.each_tap(|_, at| {
        for (sum, &w) in sums.iter_mut().zip(part(conv.w, at.wrapping_add(from), len)) {
            *sum = sum.wrapping_add(i32::from(w));
        }
    });
    for (sum, bias) in sums.iter_mut().zip(part(conv.bias, from, len)) {
        *sum = bias.wrapping_sub(sum.wrapping_mul(i32::from(conv.x_zero)));
    }
    sums
}
