//! The geometry of sliding windows.

use core::ops::Range;

/// One spatial axis of a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Elements of the input along this axis.
    pub input: usize,
    /// Elements of the output.
    pub output: usize,
    /// Taps of the window.
    pub kernel: usize,
    /// Steps of the input per step of the output.
    pub stride: usize,
    /// Steps of the input per tap.
    pub dilation: usize,
    /// Elements of padding before the first.
    pub pad: usize,
}

impl Axis {
    /// An axis that is not there.
    pub const UNIT: Axis = Axis { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };

    /// The input position under tap `k` of output `o`; nothing if it lies in the padding.
    #[inline]
    #[must_use]
    pub fn at(&self, o: usize, k: usize) -> Option<usize> {
        let padded = o.wrapping_mul(self.stride).wrapping_add(k.wrapping_mul(self.dilation));
        padded.checked_sub(self.pad).filter(|&i| i < self.input)
    }

    /// The taps of output `o` that lie within the input; those before and after them lie in the padding.
    #[inline]
    #[must_use]
    pub fn taps(&self, o: usize) -> Range<usize> {
        let start = o.wrapping_mul(self.stride);
        // The first tap at or beyond an end of the input, counted in padded positions.
        let beyond = |end: usize| div_ceil(end.saturating_sub(start), self.dilation).min(self.kernel);
        let end = beyond(self.pad.saturating_add(self.input));
        beyond(self.pad).min(end)..end
    }

    /// The input position under tap `k` of output `o`, which is one of [`Axis::taps`].
    #[inline]
    #[must_use]
    pub fn position(&self, o: usize, k: usize) -> usize {
        o.wrapping_mul(self.stride).wrapping_add(k.wrapping_mul(self.dilation)).wrapping_sub(self.pad)
    }

    /// The outputs whose taps all lie within the input.
    #[must_use]
    pub fn interior(&self) -> Range<usize> {
        let reach = self.kernel.saturating_sub(1).saturating_mul(self.dilation);
        let padded = self.pad.saturating_add(self.input);
        let end = div_ceil(padded.saturating_sub(reach), self.stride).min(self.output);
        div_ceil(self.pad, self.stride).min(end)..end
    }

    /// The input that a transposed convolution adds to output `o` through tap `k`; nothing if there is none.
    #[inline]
    #[must_use]
    pub fn source(&self, o: usize, k: usize) -> Option<usize> {
        let scaled = o.wrapping_add(self.pad).checked_sub(k.wrapping_mul(self.dilation))?;
        let input = scaled.checked_div(self.stride)?;
        (input.wrapping_mul(self.stride) == scaled && input < self.input).then_some(input)
    }

    /// The taps that have a [`Axis::source`] for output `o`, each with it.
    pub fn sources(&self, o: usize) -> impl Iterator<Item = (usize, usize)> {
        let axis = *self;
        (0..self.kernel).filter_map(move |k| Some((k, axis.source(o, k)?)))
    }

    /// Whether output `o` reads input `o` and nothing else.
    #[must_use]
    pub fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.pad == 0 && self.input == self.output
    }
}

/// `a / b` rounded up; 0 if `b` is 0.
#[inline]
fn div_ceil(a: usize, b: usize) -> usize {
    a.wrapping_add(b.wrapping_sub(1)).checked_div(b).unwrap_or(0)
}

/// A convolution over up to three spatial axes, channels last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Samples.
    pub batch: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Groups; divides both channel counts.
    pub groups: usize,
    /// Depth, height, width; unused axes are [`Axis::UNIT`].
    pub axes: [Axis; 3],
}

impl Conv {
    /// Channels of the input that one output channel reads.
    #[must_use]
    pub fn group_in(&self) -> usize {
        self.in_channels.checked_div(self.groups).unwrap_or(0)
    }

    /// Output channels of one group.
    #[must_use]
    pub fn group_out(&self) -> usize {
        self.out_channels.checked_div(self.groups).unwrap_or(0)
    }

    /// Taps of the window.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.axes.iter().fold(1, |n, a| n.wrapping_mul(a.kernel))
    }

    /// Weights of one filter.
    #[must_use]
    pub fn filter_len(&self) -> usize {
        self.taps().wrapping_mul(self.group_in())
    }

    /// Multiply-accumulates of a convolution, padding included.
    #[must_use]
    pub fn macs(&self) -> u64 {
        let outputs = self.axes.iter().fold(self.batch as u64, |n, a| n.saturating_mul(a.output as u64));
        outputs.saturating_mul(self.out_channels as u64).saturating_mul(self.filter_len() as u64)
    }

    /// A pointwise convolution as one row of pixels, any other as it is.
    #[must_use]
    pub fn as_row(self) -> Conv {
        if !self.axes.iter().all(Axis::is_pointwise) {
            return self;
        }
        let pixels = self.axes.iter().fold(self.batch, |n, a| n.saturating_mul(a.output));
        Conv { batch: 1, axes: [Axis::UNIT, Axis::UNIT, Axis { input: pixels, output: pixels, ..Axis::UNIT }], ..self }
    }

    /// Whether each output channel reads just the input channel of its number.
    #[must_use]
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.in_channels && self.groups == self.out_channels
    }
}

/// Windows that slide over each channel by itself, over up to three spatial axes, channels last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Samples.
    pub batch: usize,
    /// Channels of input and output.
    pub channels: usize,
    /// Depth, height, width; unused axes are [`Axis::UNIT`].
    pub axes: [Axis; 3],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_and_interior_are_what_at_says() {
        for (input, kernel, stride, dilation, pad) in
            [(7, 3, 1, 1, 1), (7, 3, 2, 1, 0), (5, 4, 3, 2, 6), (3, 5, 1, 1, 2), (9, 2, 4, 3, 1), (2, 2, 5, 1, 9)]
        {
            let padded = input + 2 * pad;
            let output = (padded - ((kernel - 1) * dilation + 1)) / stride + 1;
            let axis = Axis { input, output, kernel, stride, dilation, pad };
            for o in 0..output {
                let within = |k: &usize| axis.at(o, *k).is_some();
                assert!((0..kernel).filter(within).eq(axis.taps(o)), "{axis:?} at {o}");
                assert_eq!(axis.interior().contains(&o), (0..kernel).all(|k| within(&k)), "{axis:?} at {o}");
            }
        }
    }
}
