//! Explains one answer: which regions of the input the score of a class rests on, and what each input of the last layer
//! adds to it.
//!
//! ```text
//! Masked::occlusion     heat[r] = score(x) - score(x with region r hidden)           1 + regions runs
//! LastLayer             score   = bias + Σ contributions, exactly                    one run
//! ```
//!
//! Runs are counted before they are made: a [`Grid`] divides an input into as many regions as a budget of runs
//! allows. There is no chance in it, so every target finds the same map for an integer model. Sources: Zeiler and
//! Fergus, "Visualizing and understanding convolutional networks", 2014, for occlusion.
//!
//! What is absent: models of several inputs, and inputs that are no quantities, such as tokens. A state is
//! zero before each run and stays what the last run made of it.

use crate::attrs::Attrs;
use crate::op::matmul::MatMulAttrs;
use crate::op::qlinear_matmul::QLinearMatMulAttrs;
use crate::op::{MatMul, QLinearMatMul};
use crate::{Axes, DType, Error, Model, Op, Scores, Session, Step};
use core::ops::Range;

/// The most values of an axis that counts as channels, which regions do not divide.
const CHANNELS: usize = 4;

/// An input divided into regions: cells of a grid over two axes, with all channels.
///
/// | axes longer than 1 | rows | columns | channels |
/// |---|---|---|---|
/// | `[n]` | 1 | n | |
/// | `[h, w]` | h | w | |
/// | `[h, w, c]`, also if both `h` and `c` are at most 4 | h | w | c |
/// | `[c, h, w]`, c at most 4 | h | w | c |
/// | more | all but the last | the last | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    axes: [Axis; 2],
    channels: usize,
    channel_stride: usize,
}

/// An axis cut into parts whose lengths differ by at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    len: usize,
    stride: usize,
    parts: usize,
}

impl Axis {
    fn part(&self, i: usize) -> Range<usize> {
        let cut = |i: usize| i.saturating_mul(self.len).checked_div(self.parts).unwrap_or(0);
        cut(i)..cut(i.saturating_add(1))
    }
}

impl Grid {
    /// The finest grid over an input of this shape whose regions, hidden one by one, take no more than `runs` runs,
    /// that of the whole input included. Cells are as square as that allows. Nothing if `runs` is below 2.
    #[must_use]
    pub fn new(shape: &[u32], runs: u32) -> Option<Grid> {
        let limit = (runs as usize).checked_sub(1).filter(|&n| n > 0)?;
        let mut grid = Grid::over(shape);
        let [rows, columns] = grid.axes.map(|a| a.len);
        let (mut high, mut wide) = (1usize, 1usize);
        while rows.div_ceil(high).saturating_mul(columns.div_ceil(wide)) > limit {
            let taller = high < rows && (high <= wide || wide >= columns);
            if taller { high = high.saturating_add(1) } else { wide = wide.saturating_add(1) }
        }
        for (axis, side) in grid.axes.iter_mut().zip([high, wide]) {
            axis.parts = axis.len.div_ceil(side.max(1));
        }
        Some(grid)
    }

    fn over(shape: &[u32]) -> Grid {
        let mut long = shape.iter().map(|&d| d as usize).filter(|&d| d > 1);
        let first = [long.next(), long.next(), long.next(), long.next()];
        let axis = |len: usize, stride: usize| Axis { len, stride, parts: len };
        let (axes, channels, channel_stride) = match first {
            [None, ..] => ([axis(1, 1), axis(1, 1)], 1, 1),
            [Some(n), None, ..] => ([axis(1, n), axis(n, 1)], 1, 1),
            [Some(h), Some(w), None, _] => ([axis(h, w), axis(w, 1)], 1, 1),
            [Some(c), Some(h), Some(w), None] if c <= CHANNELS && w > CHANNELS => {
                ([axis(h, w), axis(w, 1)], c, h.saturating_mul(w))
            }
            [Some(h), Some(w), Some(c), None] => ([axis(h, w.saturating_mul(c)), axis(w, c)], c, 1),
            _ => {
                let last = shape.iter().rev().map(|&d| d as usize).find(|&d| d > 1).unwrap_or(1);
                let rows = shape.checked_elements().and_then(|n| (n as usize).checked_div(last)).unwrap_or(0);
                ([axis(rows, last), axis(last, 1)], 1, 1)
            }
        };
        Grid { axes, channels, channel_stride }
    }

    /// Regions: cells of a column of the grid times cells of a row.
    #[must_use]
    pub fn regions(&self) -> usize {
        self.cells().iter().product()
    }

    /// How many cells stand below each other, and beside each other. Region `r` is cell `[r / beside, r % beside]`.
    #[must_use]
    pub fn cells(&self) -> [usize; 2] {
        self.axes.map(|a| a.parts)
    }

    /// The input's rows and columns.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        self.axes.map(|a| a.len)
    }

    /// The input's channels, 1 if it has none.
    #[must_use]
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// The rows and the columns of the input that a region covers.
    #[must_use]
    pub fn region(&self, r: usize) -> [Range<usize>; 2] {
        let [rows, columns] = &self.axes;
        let beside = columns.parts.max(1);
        [rows.part(r.checked_div(beside).unwrap_or(0)), columns.part(r.checked_rem(beside).unwrap_or(0))]
    }

    /// Where an element is in the flat input.
    #[must_use]
    pub fn element(&self, row: usize, column: usize, channel: usize) -> usize {
        let [rows, columns] = &self.axes;
        let at = |i: usize, stride: usize| i.wrapping_mul(stride);
        at(row, rows.stride).wrapping_add(at(column, columns.stride)).wrapping_add(at(channel, self.channel_stride))
    }

    /// Where the elements of a region are in the flat input.
    pub fn elements(&self, r: usize) -> impl Iterator<Item = usize> + use<> {
        let (grid, [rows, columns]) = (*self, self.region(r));
        rows.flat_map(move |row| {
            columns.clone().flat_map(move |column| (0..grid.channels).map(move |c| grid.element(row, column, c)))
        })
    }
}

/// What stands where a region is hidden.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline<'a> {
    /// The same value everywhere: 0, if inputs have a mean of 0.
    Value(f32),
    /// A value for each element of the input.
    Each(&'a [f32]),
}

/// One input of a model, seen with regions hidden.
#[derive(Clone, Copy, Debug)]
pub struct Masked<'a> {
    /// The values, as [`Session::write_f32`] takes them.
    pub input: &'a [f32],
    /// What stands where it is hidden.
    pub baseline: Baseline<'a>,
    /// Its regions.
    pub grid: Grid,
}

impl Masked<'_> {
    /// Runs the session, from a state of zeros, to where the scores are, with the regions hidden that `hidden` names.
    ///
    /// # Errors
    /// [`Error::Length`] with the values needed, or [`Error::PortType`] if the input holds no quantities.
    pub fn run(&self, session: &mut Session<'_>, scores: &Scores, hidden: impl Fn(usize) -> bool) -> Result<(), Error> {
        session.reset();
        session.write_f32(0, self.input)?;
        for r in (0..self.grid.regions()).filter(|&r| hidden(r)) {
            for i in self.grid.elements(r) {
                session.write_f32_at(0, i, &[self.hidden_value(i)?])?;
            }
        }
        scores.run(session);
        Ok(())
    }

    fn hidden_value(&self, i: usize) -> Result<f32, Error> {
        match self.baseline {
            Baseline::Value(v) => Ok(v),
            Baseline::Each(values) => values.get(i).copied().ok_or(Error::Length(self.input.len() as u32)),
        }
    }

    /// Hides the regions one by one: `heat[r]` is how much the score of `class` loses without region `r`, negative if
    /// it gains. Returns the score of the whole input. Takes `1 + regions` runs, and calls `tick` after each: to feed
    /// a watchdog, or to draw progress.
    ///
    /// # Errors
    /// As [`Masked::run`]; [`Error::NoSuchClass`]; [`Error::Length`] with the regions, if `heat` has another length.
    pub fn occlusion(
        &self,
        session: &mut Session<'_>,
        scores: &Scores,
        class: u16,
        heat: &mut [f32],
        mut tick: impl FnMut(),
    ) -> Result<f32, Error> {
        if heat.len() != self.grid.regions() {
            return Err(Error::Length(self.grid.regions() as u32));
        }
        let score = |session: &Session<'_>| scores.get(session, class.into()).ok_or(Error::NoSuchClass(class));
        self.run(session, scores, |_| false)?;
        let whole = score(session)?;
        tick();
        for (r, slot) in heat.iter_mut().enumerate() {
            self.run(session, scores, |hidden| hidden == r)?;
            *slot = whole - score(session)?;
            tick();
        }
        Ok(whole)
    }
}

/// The linear layer that gives the scores.
#[derive(Clone, Copy, Debug)]
pub struct LastLayer<'m> {
    step: Step<'m>,
    scores: Scores,
    inputs: usize,
    /// Whether the weights of a class stand side by side.
    by_class: bool,
    x_zero: i32,
}

/// What a score is made of besides contributions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sum {
    /// The bias, in the unit of the contributions.
    pub bias: f64,
    /// Contributions and bias times this are in the unit of [`Scores::get`].
    pub unit: f64,
}

impl<'m> LastLayer<'m> {
    /// The layer, if a `MatMul` or `QLinearMatMul` of one row, with constant weights and without an activation, gives
    /// the scores.
    #[must_use]
    pub fn of(model: &Model<'m>) -> Option<LastLayer<'m>> {
        let scores = Scores::of(model)?;
        let step = model.steps().nth(scores.after.checked_sub(1)?.into())?;
        let (x, w) = (step.ty(*step.inputs().first()?)?, step.ty(*step.inputs().get(1)?)?);
        let (inputs, outs) = (x.shape.checked_elements()? as usize, scores.classes as usize);
        let (by_class, x_zero) = match step.entry.code {
            QLinearMatMul::CODE => {
                let [x_zero, _, min, max] = QLinearMatMulAttrs::read(step.attrs()).ok()?.zeros.0;
                ((min, max) == (i8::MIN, i8::MAX)).then_some((true, x_zero.into()))?
            }
            MatMul::CODE => {
                let attrs = MatMulAttrs::read(step.attrs()).ok()?;
                let free = attrs.min == f32::NEG_INFINITY && attrs.max == f32::INFINITY;
                free.then_some((attrs.transpose_b, 0))?
            }
            _ => return None,
        };
        step.constant(1)?;
        let matrix = w.shape.checked_elements()? as usize == inputs.checked_mul(outs)?;
        matrix.then_some(LastLayer { step, scores, inputs, by_class, x_zero })
    }

    /// The number of its inputs.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// Runs the session, with the input that was written to it, to this layer, and reads the layer's input: the
    /// embedding. Integers are less their zero point.
    ///
    /// # Errors
    /// [`Error::Length`] with the elements needed, if `out` has another length.
    pub fn embedding(&self, session: &mut Session<'_>, out: &mut [f32]) -> Result<(), Error> {
        if out.len() != self.inputs {
            return Err(Error::Length(self.inputs as u32));
        }
        session.run_to(self.scores.after.saturating_sub(1));
        let (ty, bytes) = session.tensor(self.step.inputs().first().copied().unwrap_or(0));
        let reals: &[f32] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
        let integer = |i: usize| bytes.get(i).map(|b| i32::from(b.cast_signed()).wrapping_sub(self.x_zero) as f32);
        let is_real = ty.is_some_and(|t| t.dtype == DType::F32);
        for (i, slot) in out.iter_mut().enumerate() {
            *slot = if is_real { reals.get(i).copied() } else { integer(i) }.unwrap_or(0.0);
        }
        Ok(())
    }

    /// Runs the session as [`LastLayer::embedding`], and writes what each input adds to the score of `class`. For an
    /// integer model contributions are whole numbers, and their sum with the bias is the layer's sum, of which the
    /// score is the rounded multiple.
    ///
    /// # Errors
    /// As [`LastLayer::embedding`]; [`Error::NoSuchClass`].
    pub fn contributions(&self, session: &mut Session<'_>, class: u16, out: &mut [f32]) -> Result<Sum, Error> {
        let c = usize::from(class);
        if u32::from(class) >= self.scores.classes {
            return Err(Error::NoSuchClass(class));
        }
        self.embedding(session, out)?;
        let classes = self.scores.classes as usize;
        for (i, slot) in out.iter_mut().enumerate() {
            let at = if self.by_class {
                c.wrapping_mul(self.inputs).wrapping_add(i)
            } else {
                i.wrapping_mul(classes).wrapping_add(c)
            };
            *slot *= self.weight(at);
        }
        Ok(self.sum(c))
    }

    fn weight(&self, at: usize) -> f32 {
        let bytes = self.step.constant(1).unwrap_or(&[]);
        let dtype = self.step.inputs().get(1).and_then(|&w| self.step.ty(w)).map(|t| t.dtype);
        let halves = || bytemuck::try_cast_slice::<u8, half::f16>(bytes).ok();
        match dtype {
            Some(DType::I8) => bytes.get(at).map(|b| b.cast_signed().into()),
            Some(DType::F16) => halves().and_then(|w| w.get(at)).map(|w| w.to_f32()),
            _ => bytemuck::try_cast_slice(bytes).ok().and_then(|w| w.get(at)).copied(),
        }
        .unwrap_or(0.0)
    }

    fn sum(&self, c: usize) -> Sum {
        let bytes = |i: usize| self.step.constant(i).unwrap_or(&[]);
        let real = |i: usize| bytemuck::try_cast_slice(bytes(i)).ok().and_then(|v: &[f32]| v.get(c).copied());
        if self.step.entry.code == MatMul::CODE {
            return Sum { bias: real(2).unwrap_or(0.0).into(), unit: 1.0 };
        }
        let bias = bytemuck::try_cast_slice(bytes(2)).ok().and_then(|v: &[i32]| v.get(c).copied());
        let unit = f64::from(real(3).unwrap_or(0.0)) * f64::from(self.scores.scale);
        Sum { bias: bias.unwrap_or(0).into(), unit }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn cells(shape: &[u32], runs: u32) -> ([usize; 2], [usize; 2], usize) {
        let grid = Grid::new(shape, runs).unwrap();
        (grid.size(), grid.cells(), grid.channels())
    }

    #[test]
    fn a_grid_fits_the_shape_and_the_budget() {
        assert_eq!(cells(&[1, 13], 100), ([1, 13], [1, 13], 1), "a table: every column");
        assert_eq!(cells(&[1, 13], 6), ([1, 13], [1, 5], 1), "neighbours share a region");
        assert_eq!(cells(&[1, 49, 10, 1], 65), ([49, 10], [13, 4], 1), "a spectrogram");
        assert_eq!(cells(&[1, 96, 96, 3], 65), ([96, 96], [8, 8], 3), "a picture, channels last");
        assert_eq!(cells(&[1, 3, 96, 96], 65), ([96, 96], [8, 8], 3), "and first");
        assert_eq!(cells(&[2, 2, 2, 5, 7], 1000), ([40, 7], [40, 7], 1));
        assert_eq!(cells(&[1, 1], 2), ([1, 1], [1, 1], 1));
        assert_eq!(cells(&[5, 6], 2), ([5, 6], [1, 1], 1), "one region");
        assert_eq!(Grid::new(&[5, 6], 1), None);
    }

    #[test]
    fn regions_cover_every_element_once() {
        for shape in [&[7u32, 5, 3][..], &[3, 7, 5], &[23], &[4, 9], &[2, 3, 2, 5], &[1], &[8, 8, 6]] {
            let len = shape.iter().product::<u32>() as usize;
            for runs in 2..40 {
                let grid = Grid::new(shape, runs).unwrap();
                assert!(grid.regions() < runs as usize);
                let mut seen = [0u8; 400];
                (0..grid.regions()).flat_map(|r| grid.elements(r)).for_each(|i| seen[i] += 1);
                assert!(seen[..len].iter().all(|&n| n == 1) && seen[len..].iter().all(|&n| n == 0), "{shape:?}");
            }
        }
    }
}
