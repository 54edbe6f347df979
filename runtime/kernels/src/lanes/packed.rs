//! Weights packed at load, where a host has memory for them: the rows of units that [`Panels`](super::panel::Panels) would make at
//! every run.
//!
//! ```text
//! packed: for each group, for each eight channels: bias - x_zero · Σ w, i32 [8]
//!         for each group, for each eight channels: weights [units][8]
//! ```

use super::Lanes;
use super::panel::{BATCH, COLS, Panels, Unit, eight, pack};
use super::window_i8::Window;
use crate::generic::field_i8::Field;
use crate::int8::ConvI8;

/// How the weights of a convolution lie in rows of units.
pub(super) struct Form {
    /// Panels of eight channels, of a group and of all.
    panels: usize,
    count: usize,
    /// Runs of a row, each of whole units.
    runs: usize,
    /// Units of a row.
    units: usize,
}

impl Form {
    pub(super) fn new<const U: usize>(conv: &ConvI8<'_>, field: &Field, window: Option<&Window<'_>>) -> Form {
        let [_, rows, _] = &conv.geometry.axes;
        let runs = window.map_or(1, |_| rows.kernel.max(1));
        let panels = field.outs.div_ceil(COLS);
        let units = runs.saturating_mul((field.depth / runs).div_ceil(U));
        Form { panels, count: panels.saturating_mul(conv.geometry.groups), runs, units }
    }

    /// Bytes before the weights.
    fn head(&self) -> usize {
        self.count.saturating_mul(size_of::<[i32; COLS]>())
    }
}

/// Packs what [`super::conv_i8`] reads, if `out` has room; returns the bytes that it takes, 0 if there is no packed form.
pub(crate) fn pack_conv_i8<L: Lanes<N, U>, const N: usize, const U: usize>(conv: &ConvI8<'_>, out: &mut [u8]) -> usize {
    let Some(field) = Field::new(&conv.geometry) else { return 0 };
    let form = Form::new::<U>(conv, &field, Window::new::<L, N, U>(conv).as_ref());
    let weights = conv.geometry.out_channels.checked_mul(field.depth);
    if form.units > Panels::<L, N, U>::UNITS || weights != Some(conv.w.len()) || conv.w.is_empty() {
        return 0;
    }
    let units = form.count.saturating_mul(form.units).saturating_add(BATCH);
    let len = form.head().saturating_add(units.saturating_mul(size_of::<Unit<L, N, U>>()));
    let Some((bases, weights)) = out.get_mut(..len).and_then(|out| out.split_at_mut_checked(form.head())) else {
        return len;
    };
    // SAFETY: weights are plain data.
    let (_, mut to, _) = unsafe { weights.align_to_mut::<Unit<L, N, U>>() };
    let channels = (0..conv.geometry.groups).flat_map(|group| {
        (0..field.outs).step_by(COLS).map(move |at| (group.wrapping_mul(field.outs).wrapping_add(at), field.outs - at))
    });
    for (base, (from, outs)) in bases.as_chunks_mut::<4>().0.as_chunks_mut::<COLS>().0.iter_mut().zip(channels) {
        *base = panel::<L, N, U>(to, conv, from, outs, [0, field.depth], field.depth, form.runs).map(i32::to_le_bytes);
        to = to.get_mut(form.units..).unwrap_or(&mut []);
    }
    len
}

/// Packs a stretch `[k, len]` of the rows, `depth` long, of `outs` channels from `from` on, eight at most. Returns what their sums begin
/// with; only the first stretch adds the bias.
fn panel<L: Lanes<N, U>, const N: usize, const U: usize>(
    to: &mut [Unit<L, N, U>],
    conv: &ConvI8<'_>,
    from: usize,
    outs: usize,
    [k, len]: [usize; 2],
    depth: usize,
    runs: usize,
) -> [i32; COLS] {
    let start = from.wrapping_mul(depth).wrapping_add(k);
    let end = start.wrapping_add(outs.min(COLS).wrapping_sub(1).wrapping_mul(depth)).wrapping_add(len);
    let sums = pack::<L, N, U>(to, conv.w.get(start..end).unwrap_or(&[]), depth, len, runs);
    let mut base = if k == 0 { eight(conv.bias, from) } else { [0; COLS] };
    for (base, sum) in base.iter_mut().zip(sums) {
        *base = base.wrapping_sub(sum.wrapping_mul(conv.x_zero.into()));
    }
    base
}

/// What [`pack_conv_i8`] packed, or nothing.
pub(super) struct Packed<'a, L: Lanes<N, U>, const N: usize, const U: usize> {
    form: Form,
    bases: &'a [u8],
    weights: &'a [Unit<L, N, U>],
}

impl<'a, L: Lanes<N, U>, const N: usize, const U: usize> Packed<'a, L, N, U> {
    pub(super) fn new(form: Form, packed: &'a [u8]) -> Packed<'a, L, N, U> {
        let (bases, weights) = packed.split_at_checked(form.head()).unwrap_or_default();
        // SAFETY: weights are plain data.
        let (_, weights, _) = unsafe { weights.align_to() };
        Packed { form, bases, weights }
    }

    /// The weights of eight channels of a group from `at` on, and what their sums begin with: those that are there, or of `len`
    /// elements from `k` on, packed into `own`.
    pub(super) fn panel<'b>(
        &'b self,
        own: &'b mut [Unit<L, N, U>],
        conv: &ConvI8<'_>,
        field: &Field,
        [group, at]: [usize; 2],
        stretch: [usize; 2],
    ) -> ([i32; COLS], &'b [Unit<L, N, U>]) {
        let number = group.wrapping_mul(self.form.panels).wrapping_add(at / COLS);
        let start = number.wrapping_mul(self.form.units);
        let base = self.bases.as_chunks::<4>().0.as_chunks::<COLS>().0.get(number);
        let weights = self.weights.get(start..start.wrapping_add(self.form.units));
        if let (Some(base), Some(weights)) = (base, weights) {
            return (base.map(i32::from_le_bytes), weights);
        }
        let from = group.wrapping_mul(field.outs).wrapping_add(at);
        let outs = field.outs.wrapping_sub(at);
        let base = panel::<L, N, U>(own, conv, from, outs, stretch, field.depth, self.form.runs);
        (base, own)
    }
}
