//! A few rows of the input, widened, with their padding: what a strip of outputs reads.
//!
//! ```text
//! slot p:  [ padding | columns of padded row p, each with its channels | padding ]
//! ```
//!
//! Windows then read without a test for padding, and where a tap lies is the same for all of them. Strips are as high as
//! fits the stack; rows under two of them are widened twice.

use crate::{Axis, Conv};
use core::arch::x86_64::*;
use core::mem::MaybeUninit;
use core::ops::Range;

/// What a strip holds.
pub(super) trait Element: Copy {
    /// What the input holds.
    type Source: Copy;
    /// What padding becomes.
    const ZERO: Self;

    /// Converts elements whose zero point is `zero`; all that both have.
    fn convert(line: &mut [MaybeUninit<Self>], source: &[Self::Source], zero: i8);
}

impl Element for i16 {
    type Source = i8;
    const ZERO: i16 = 0;

    #[inline(always)]
    fn convert(line: &mut [MaybeUninit<i16>], source: &[i8], zero: i8) {
        // SAFETY: the processor has AVX2, see the module above.
        unsafe { widen(line, source, zero) }
    }
}

impl Element for f32 {
    type Source = f32;
    const ZERO: f32 = 0.0;

    #[inline(always)]
    fn convert(line: &mut [MaybeUninit<f32>], source: &[f32], _: i8) {
        let ((lines, line), (sources, source)) = (line.as_chunks_mut::<16>(), source.as_chunks::<16>());
        lines.iter_mut().zip(sources).for_each(|(l, x)| *l = x.map(MaybeUninit::new));
        line.iter_mut().zip(source).for_each(|(l, &x)| _ = l.write(x));
    }
}

/// `line[i] = source[i] - zero`; both are equally long.
#[inline]
#[target_feature(enable = "avx2")]
fn widen(line: &mut [MaybeUninit<i16>], source: &[i8], zero: i8) {
    let ((lines, line), (sources, source)) = (line.as_chunks_mut::<16>(), source.as_chunks::<16>());
    for (l, x) in lines.iter_mut().zip(sources) {
        // SAFETY: there are 16 elements in each.
        unsafe {
            let x = _mm256_cvtepi8_epi16(_mm_loadu_si128(x.as_ptr().cast()));
            _mm256_storeu_si256(l.as_mut_ptr().cast(), _mm256_sub_epi16(x, _mm256_set1_epi16(zero.into())));
        }
    }
    line.iter_mut().zip(source).for_each(|(l, &x)| _ = l.write(i16::from(x).wrapping_sub(zero.into())));
}

/// Elements beyond the last slot that vectors may read.
pub(super) const TAIL: usize = 16;

/// Uninitialized memory for `N` elements, aligned so that vectors lie within cache lines.
#[repr(align(64))]
pub(super) struct Stack<T, const N: usize>([MaybeUninit<T>; N]);

impl<T: Element, const N: usize> Stack<T, N> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Stack([const { MaybeUninit::uninit() }; N])
    }
}

/// A window as tall as wide: an image one pixel wide lies as well in a row, which is faster to walk.
pub(super) fn laid(g: Conv) -> Conv {
    let [depth, rows, cols] = g.axes;
    if cols.is_pointwise() && cols.output == 1 { Conv { axes: [depth, cols, rows], ..g } } else { g }
}

/// A part of the outputs of an image, and the channels of the input that they read.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    pub(super) channels: Range<usize>,
}

/// Padded elements of an axis under `n` outputs.
fn under(axis: &Axis, n: usize) -> usize {
    let window = axis.kernel.saturating_sub(1).saturating_mul(axis.dilation).saturating_add(1);
    n.saturating_sub(1).saturating_mul(axis.stride).saturating_add(window)
}

/// The most outputs along an axis under which no more than `room` padded elements lie.
fn most(axis: &Axis, room: usize) -> usize {
    let spare = room.checked_sub(under(axis, 1));
    spare.map_or(0, |s| s.checked_div(axis.stride).unwrap_or(0).saturating_add(1)).min(axis.output)
}

/// Rows and columns of the parts whose input, of `channels` channels, fits `room` elements: of those as high as one to eight rows, or as
/// the image, the ones that convert the fewest pixels twice. Nothing if not even one output's input fits.
pub(super) fn part_size(g: &Conv, channels: usize, room: usize) -> Option<(usize, usize)> {
    part(g, channels, room).map(|(_, size)| size)
}

/// The most rows of outputs, as wide as the image, whose input fits `room` elements.
pub(super) fn whole_rows(g: &Conv, channels: usize, room: usize) -> Option<usize> {
    let [_, rows, cols] = &g.axes;
    let slots = room.checked_sub(TAIL)?.checked_div(channels)?;
    Some(most(rows, slots.checked_div(under(cols, cols.output))?))
}

/// As [`part_size`], and how many pixels are converted for each that there is, in sixteenths.
fn part(g: &Conv, channels: usize, room: usize) -> Option<(usize, (usize, usize))> {
    let [_, rows, cols] = &g.axes;
    let slots = room.checked_sub(TAIL)?.checked_div(channels)?;
    let whole = whole_rows(g, channels, room)?;
    if whole == rows.output {
        return Some((16, (whole, cols.output)));
    }
    let heights = [whole, 1, 2, 3, 4, 5, 6, 8].into_iter().filter(|&tall| tall > 0 && tall <= rows.output);
    let sizes = heights.filter_map(|tall| {
        let wide = most(cols, slots.checked_div(under(rows, tall))?);
        let read = under(rows, tall).saturating_mul(under(cols, wide)).saturating_mul(16);
        let owned = tall.saturating_mul(rows.stride).saturating_mul(wide.saturating_mul(cols.stride));
        (wide > 0).then_some((read.checked_div(owned)?, (tall, wide)))
    });
    sizes.min_by_key(|(read, _)| *read)
}

/// Channels, rows and columns of the parts of a depthwise convolution: as many channels as let no more than a pixel in two be
/// converted twice, but a cache line of them at least.
pub(super) fn block<T: Element>(g: &Conv, room: usize) -> Option<(usize, usize, usize)> {
    let line = 64usize.checked_div(size_of::<T::Source>()).unwrap_or(16);
    let mut channels = g.in_channels;
    loop {
        match part(g, channels, room) {
            Some((read, (tall, wide))) if read <= 24 || channels <= line => return Some((channels, tall, wide)),
            None if channels <= 16 => return None,
            _ => {}
        }
        let half = channels.div_ceil(2).next_multiple_of(16);
        channels = if half < channels { half } else { channels.saturating_sub(1) / 16 * 16 };
        if channels == 0 {
            return None;
        }
    }
}

/// Elements of an image, in and out; nothing if `y` elements of output hold none.
pub(super) fn image_sizes(g: &Conv, y: usize) -> Option<(usize, usize)> {
    let [_, down, across] = &g.axes;
    let image = down.input.saturating_mul(across.input).saturating_mul(g.in_channels);
    let plane = down.output.saturating_mul(across.output).saturating_mul(g.out_channels);
    (1..=y).contains(&plane).then_some((image.max(1), plane))
}

/// The parts of an image, `tall` by `wide` at most, that read these channels.
pub(super) fn parts(g: &Conv, channels: Range<usize>, size: (usize, usize)) -> impl Iterator<Item = Part> + use<> {
    let [_, down, across] = &g.axes;
    Part { rows: 0..down.output, cols: 0..across.output, channels }.cut(size)
}

impl Part {
    /// Its parts, `tall` by `wide` at most.
    pub(super) fn cut(self, (tall, wide): (usize, usize)) -> impl Iterator<Item = Part> + use<> {
        let Part { rows, cols, channels } = self;
        rows.clone().step_by(tall.max(1)).flat_map(move |top| {
            let rows = top..top.saturating_add(tall).min(rows.end);
            let (cols, channels) = (cols.clone(), channels.clone());
            cols.clone().step_by(wide.max(1)).map(move |left| {
                let cols = left..left.saturating_add(wide).min(cols.end);
                Part { rows: rows.clone(), cols, channels: channels.clone() }
            })
        })
    }
}

/// See the module.
pub(super) struct Strip<'a, T> {
    g: &'a Conv,
    part: Part,
    /// Elements of a slot.
    slot: usize,
    elements: &'a [T],
}

impl<'a, T: Element> Strip<'a, T> {
    /// What `part` reads of an image whose zero point is `zero`.
    #[inline(always)]
    pub(super) fn new<const N: usize>(
        g: &'a Conv,
        part: Part,
        image: &[T::Source],
        zero: i8,
        stack: &'a mut Stack<T, N>,
    ) -> Strip<'a, T> {
        let [_, down, across] = &g.axes;
        let slot = under(across, part.cols.len()).saturating_mul(part.channels.len());
        let slots = under(down, part.rows.len());
        let len = slot.saturating_mul(slots);
        let memory = stack.0.get_mut(..len.saturating_add(TAIL)).unwrap_or(&mut []);
        let start = part.rows.start.wrapping_mul(down.stride);
        let mut lines = memory.chunks_exact_mut(slot.max(1));
        for (padded, line) in (start..start.wrapping_add(slots)).zip(&mut lines) {
            match padded.checked_sub(down.pad).filter(|&row| row < down.input) {
                Some(row) => fill_line(g, &part, image, row, line, zero),
                None => pad(line),
            }
        }
        pad(memory.get_mut(len..).unwrap_or(&mut []));
        // SAFETY: `slots` lines of `slot` elements have been written, whole, and what is behind them; if there was no room for them the
        // memory is empty.
        let elements = unsafe { &*(core::ptr::from_ref(memory) as *const [T]) };
        Strip { g, part, slot, elements }
    }

    /// The image itself, of all channels, as what `part` reads: its windows do not reach into the padding.
    pub(super) fn over(g: &'a Conv, part: Part, image: &'a [T]) -> Strip<'a, T> {
        let [_, down, across] = &g.axes;
        let slot = across.input.saturating_mul(g.in_channels);
        let row = down.position(part.rows.start, 0).saturating_mul(slot);
        let first = row.saturating_add(across.position(part.cols.start, 0).saturating_mul(g.in_channels));
        Strip { g, part, slot, elements: image.get(first..).unwrap_or(&[]) }
    }

    /// All elements.
    pub(super) fn elements(&self) -> &[T] {
        self.elements
    }

    /// Where tap `(row, col)` of an output lies, from where the output's window begins.
    pub(super) fn tap(&self, row: usize, col: usize) -> usize {
        let [_, rows, cols] = &self.g.axes;
        let across = col.wrapping_mul(cols.dilation).wrapping_mul(self.part.channels.len());
        row.wrapping_mul(rows.dilation).wrapping_mul(self.slot).wrapping_add(across)
    }

    /// Every output, row by row.
    pub(super) fn pixels(&self) -> Pixels {
        let [_, rows, cols] = &self.g.axes;
        let (wide, channels) = (self.part.cols.len(), self.g.out_channels);
        let step = cols.stride.wrapping_mul(self.part.channels.len());
        let first = self.part.rows.start.wrapping_mul(cols.output).wrapping_add(self.part.cols.start);
        Pixels {
            left: wide.wrapping_mul(self.part.rows.len()),
            here: 0,
            wide,
            step: [step, channels],
            jump: [
                rows.stride.wrapping_mul(self.slot).wrapping_sub(step.wrapping_mul(wide)),
                cols.output.wrapping_sub(wide).wrapping_mul(channels),
            ],
            at: [0, first.wrapping_mul(channels)],
        }
    }
}

impl Pixels {
    /// The same pixels, `n` neighbours as one; a row must hold a multiple of them.
    pub(super) fn folded(self, n: usize) -> Pixels {
        let n = n.max(1);
        Pixels { left: self.left / n, wide: self.wide / n, step: self.step.map(|s| s.wrapping_mul(n)), ..self }
    }
}

/// Outputs in order: where the window of each begins in the strip, and its channels in the output.
#[derive(Clone, Copy)]
pub(super) struct Pixels {
    /// Outputs that are left.
    pub(super) left: usize,
    /// Outputs of this row that are done.
    here: usize,
    wide: usize,
    step: [usize; 2],
    jump: [usize; 2],
    at: [usize; 2],
}

impl Pixels {
    /// The rows of a matrix of `ins` columns, and of one of `outs`.
    pub(super) fn rows(count: usize, ins: usize, outs: usize) -> Pixels {
        Pixels::line([0, 0], [ins, outs], count)
    }

    /// `count` outputs in one row: the first at `at`, neighbours `step` apart.
    pub(super) fn line(at: [usize; 2], step: [usize; 2], count: usize) -> Pixels {
        Pixels { left: count, here: 0, wide: usize::MAX, step, jump: [0, 0], at }
    }

    /// Takes the next `n` of one row off.
    pub(super) fn split(&mut self, n: usize) -> Pixels {
        let first = Pixels { left: self.left.min(n), ..*self };
        self.at = [
            self.at[0].wrapping_add(self.step[0].wrapping_mul(n)),
            self.at[1].wrapping_add(self.step[1].wrapping_mul(n)),
        ];
        self.left = self.left.saturating_sub(n);
        first
    }

    /// How many are left of this row.
    #[inline(always)]
    pub(super) fn in_line(&self) -> usize {
        self.left.min(self.wide.wrapping_sub(self.here))
    }

    /// The next `n`, which must be left of this row: where the first one lies, and how far the next are, as windows and as outputs.
    #[inline(always)]
    pub(super) fn take_line(&mut self, n: usize) -> ([usize; 2], [usize; 2]) {
        let first = self.at;
        self.at = [0, 1].map(|k| self.at[k].wrapping_add(self.step[k].wrapping_mul(n)));
        self.here = self.here.wrapping_add(n);
        self.left = self.left.wrapping_sub(n);
        if self.here == self.wide {
            self.at = [0, 1].map(|k| self.at[k].wrapping_add(self.jump[k]));
            self.here = 0;
        }
        (first, self.step)
    }

    /// The next `N`, which must be left: windows, then outputs. Both rise.
    #[inline(always)]
    pub(super) fn take<const N: usize>(&mut self) -> ([usize; N], [usize; N]) {
        let (mut windows, mut outputs) = ([0; N], [0; N]);
        if self.here.saturating_add(N) < self.wide {
            // Within a row they are as far from each other as the first two.
            let along = |k: usize| core::array::from_fn(|i| self.at[k].wrapping_add(self.step[k].wrapping_mul(i)));
            (windows, outputs) = (along(0), along(1));
            self.at = [0, 1].map(|k| self.at[k].wrapping_add(self.step[k].wrapping_mul(N)));
            self.here = self.here.wrapping_add(N);
            self.left = self.left.wrapping_sub(N);
            return (windows, outputs);
        }
        for (window, output) in windows.iter_mut().zip(&mut outputs) {
            [*window, *output] = self.at;
            self.at = [self.at[0].wrapping_add(self.step[0]), self.at[1].wrapping_add(self.step[1])];
            self.here = self.here.wrapping_add(1);
            if self.here == self.wide {
                self.at = [self.at[0].wrapping_add(self.jump[0]), self.at[1].wrapping_add(self.jump[1])];
                self.here = 0;
            }
        }
        self.left = self.left.wrapping_sub(N);
        (windows, outputs)
    }
}

/// Writes padding.
#[inline(always)]
fn pad<T: Element>(line: &mut [MaybeUninit<T>]) {
    line.iter_mut().for_each(|l| _ = l.write(T::ZERO));
}

/// Writes a whole line: the part of an input row that lies under a part of the outputs, and padding around it.
#[inline(always)]
fn fill_line<T: Element>(
    g: &Conv,
    part: &Part,
    image: &[T::Source],
    row: usize,
    line: &mut [MaybeUninit<T>],
    zero: i8,
) {
    let [_, _, axis] = &g.axes;
    // In padded columns.
    let start = part.cols.start.wrapping_mul(axis.stride);
    let first = start.max(axis.pad);
    let end = start.wrapping_add(under(axis, part.cols.len())).min(axis.pad.wrapping_add(axis.input));
    let channels = part.channels.len();
    let before = first.wrapping_sub(start).wrapping_mul(channels).min(line.len());
    let (left, line) = line.split_at_mut_checked(before).unwrap_or_default();
    pad(left);
    let pixel = row.wrapping_mul(axis.input).wrapping_add(first.wrapping_sub(axis.pad));
    let from = pixel.wrapping_mul(g.in_channels).wrapping_add(part.channels.start);
    let mut source = image.get(from..).unwrap_or(&[]);
    // Whole rows at once, or channel by channel.
    let whole = channels == g.in_channels;
    let pixels = end.saturating_sub(first);
    let (run, runs) = if whole { (pixels.wrapping_mul(channels), 1) } else { (channels, pixels) };
    let mut rest = line;
    for _ in 0..runs {
        let (Some(x), true) = (source.get(..run), run <= rest.len()) else { break };
        let (line, later) = rest.split_at_mut_checked(run).unwrap_or_default();
        T::convert(line, x, zero);
        rest = later;
        source = source.get(g.in_channels..).unwrap_or(&[]);
    }
    pad(rest);
}
