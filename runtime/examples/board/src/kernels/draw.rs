//! What the cases are made of.

use super::{Memory, ROOM};
use siskin::format::Prng;
use siskin::kernels::int8::ConvI8;
use siskin::kernels::{Axis, Conv, ToI8};

/// Draws from a generator.
pub(super) struct Draw(pub(super) Prng);

impl Draw {
    /// One of `low..=high`.
    pub(super) fn range(&mut self, low: usize, high: usize) -> usize {
        let span = high.wrapping_sub(low).wrapping_add(1);
        low.wrapping_add(((self.0.next_u64() >> 33) as usize).checked_rem(span).unwrap_or(0))
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.range(1, n) == 1
    }

    pub(super) fn byte(&mut self) -> i8 {
        self.0.next_u8().cast_signed()
    }

    pub(super) fn bytes(&mut self, bytes: &mut [i8]) {
        // Extremes are where sums of products overflow.
        let extreme = self.one_in(8);
        bytes
            .iter_mut()
            .for_each(|b| *b = if extreme { if self.byte() < 0 { -128 } else { 127 } } else { self.byte() });
    }

    pub(super) fn axis(&mut self, kernel: usize, one_in: usize) -> Axis {
        let dilation = if self.one_in(5) { self.range(2, 3) } else { 1 };
        let (stride, pad) = (if self.one_in(one_in) { 1 } else { self.range(1, 3) }, self.range(0, kernel));
        let reach = kernel.wrapping_sub(1).wrapping_mul(dilation).wrapping_add(1);
        let input = self.range(1, 30).max(reach.saturating_sub(pad));
        let room = pad.wrapping_add(self.range(0, pad)).wrapping_add(input).saturating_sub(reach);
        Axis { input, output: room.checked_div(stride).unwrap_or(0).wrapping_add(1), kernel, stride, dilation, pad }
    }

    pub(super) fn output(&mut self) -> ToI8 {
        let zero = i32::from(if self.one_in(2) { -128 } else { self.byte() });
        match self.range(1, 5) {
            1 => ToI8::new(zero, self.byte().into(), self.byte().into()),
            2 => ToI8::new(zero, zero, 127),
            _ => ToI8::new(zero, -128, 127),
        }
    }

    /// Fills the operands and gives a convolution; nothing if there is no room for it.
    pub(super) fn conv<'m>(
        &mut self,
        g: Conv,
        weights: usize,
        memory: &'m mut Memory,
    ) -> Option<(ConvI8<'m>, &'m mut [[i8; ROOM]; 2], usize)> {
        let Memory { x, w, y, bias, scale } = memory;
        let [_, rows, cols] = g.axes;
        let len = |sizes: [usize; 4]| sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let inputs = len([g.batch, rows.input, cols.input, g.in_channels])?;
        let outputs = len([g.batch, rows.output, cols.output, g.out_channels])?;
        // A word of room, so that operands begin anywhere in one, and something is left behind them.
        let x = x.get_mut(self.range(0, 3)..)?.get_mut(..inputs)?;
        let start = if self.one_in(2) { 0 } else { self.range(0, 3) };
        let w = w.get_mut(start..)?.get_mut(..weights)?;
        let (bias, scale) = (bias.get_mut(..g.out_channels)?, scale.get_mut(..g.out_channels)?);
        y.iter().all(|y| y.len() > outputs).then_some(())?;
        self.bytes(x);
        self.bytes(w);
        let depth = (weights.checked_div(g.out_channels)?.max(1)) as f32;
        let wild = self.one_in(10);
        for (bias, scale) in bias.iter_mut().zip(&mut *scale) {
            *bias = (self.0.next_u64() as i32) >> if wild { 0 } else { 17 };
            *scale = match self.range(0, if wild { 9 } else { 7 }) {
                8 => f32::INFINITY,
                9 => f32::NAN,
                // Halves are where roundings differ.
                0 | 1 => self.range(0, 9) as f32 / 512.0,
                _ => self.range(0, 999) as f32 * 2e-6 / depth * 16.0,
            };
        }
        let conv = ConvI8 { geometry: g, x, x_zero: self.byte(), w, bias, scale, output: self.output() };
        Some((conv, y, outputs))
    }
}
