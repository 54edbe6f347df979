//! Where a model's scores are before they become probabilities, and how to run up to there.
//!
//! ```text
//! … -> linear layer -> scores -> [Reshape, Identity, DequantizeLinear, softmax] -> output 0
//! ```
//!
//! Probabilities saturate and, in 8 bits, have 256 values; scores tell apart what probabilities no longer do.

use crate::attrs::Attrs;
use crate::op::qlinear_matmul::QLinearMatMulAttrs;
use crate::op::{DequantizeLinear, Identity, LogSoftmax, QLinearMatMul, QLinearSoftmax, Reshape, Softmax};
use crate::{Axes, DType, Model, Op, Session, Step};
use siskin_format::ABSENT;

/// The scores of a model's first output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// The tensor.
    pub tensor: u16,
    /// The number of operators that have run when it is there.
    pub after: u16,
    /// The number of scores: one a class.
    pub classes: u32,
    /// Whether a softmax follows: the output is probabilities, not scores.
    pub softmax: bool,
    /// The step of stored scores; 1 where the file does not say.
    pub scale: f32,
    /// The stored score that stands for 0; 0 where the file does not say, which shifts all classes alike.
    pub zero: i32,
}

impl Scores {
    /// The scores of a model, if an operator computes its first output and they are `i8`, `u8` or `f32`.
    #[must_use]
    pub fn of(model: &Model<'_>) -> Option<Scores> {
        let artifact = model.artifact();
        let io = artifact.outputs().next()?;
        let port = model.outputs().next()?;
        let mut found = Scores {
            tensor: io.tensor,
            after: 0,
            classes: 0,
            softmax: false,
            scale: port.scale,
            zero: port.zero_point,
        };
        let mut writer = writer(model, found.tensor, usize::MAX)?;
        // Each step back is to an earlier operator, so a file cannot make this go on for ever.
        while let Some((before, step)) = passed_on(model, &writer, found.tensor) {
            (found.softmax, found.scale, found.zero) = behind(&writer.1, &found);
            (found.tensor, writer) = (before, step);
        }
        found.after = u16::try_from(writer.0).ok()?.checked_add(1)?;
        if writer.1.entry.code == QLinearMatMul::CODE {
            let [_, zero, ..] = QLinearMatMulAttrs::read(writer.1.attrs()).ok()?.zeros.0;
            found.zero = zero.into();
        }
        let ty = artifact.ty(artifact.tensor(found.tensor)?)?;
        found.classes = ty.shape.checked_elements()?;
        (matches!(ty.dtype, DType::I8 | DType::U8 | DType::F32) && found.classes > 0).then_some(found)
    }

    /// The tensor that the scores are made from, and the number of operators that have run when it is there; nothing if it
    /// is an input or a constant.
    #[must_use]
    pub fn source(&self, model: &Model<'_>) -> Option<(u16, u16)> {
        let (at, step) = writer(model, self.tensor, self.after.into())?;
        let tensor = *step.inputs().first()?;
        let (before, _) = writer(model, tensor, at)?;
        Some((tensor, u16::try_from(before).ok()?.checked_add(1)?))
    }

    /// Runs the session from its first operator to where the scores are. Outputs are not computed.
    pub fn run(&self, session: &mut Session<'_>) {
        session.run_to(self.after);
    }

    /// The score of a class after [`Scores::run`]: `(stored - zero) · scale`.
    #[must_use]
    pub fn get(&self, session: &Session<'_>, class: usize) -> Option<f32> {
        let (ty, bytes) = session.tensor(self.tensor);
        let real = |stored: i32| stored.wrapping_sub(self.zero) as f32 * self.scale;
        match ty?.dtype {
            DType::I8 => Some(real(bytes.get(class)?.cast_signed().into())),
            DType::U8 => Some(real((*bytes.get(class)?).into())),
            DType::F32 => bytemuck::try_cast_slice(bytes).ok()?.get(class).copied(),
            _ => None,
        }
    }
}

type Writer<'a> = (usize, Step<'a>);

/// The last operator before number `before` that writes a tensor.
fn writer<'a>(model: &Model<'a>, tensor: u16, before: usize) -> Option<Writer<'a>> {
    model.steps().enumerate().take(before).filter(|(_, step)| step.outputs().contains(&tensor)).last()
}

/// The scores before an operator that only passes them on or normalizes them, and what writes those.
fn passed_on<'a>(model: &Model<'a>, (at, step): &Writer<'a>, tensor: u16) -> Option<(u16, Writer<'a>)> {
    let known =
        [Reshape::CODE, Identity::CODE, DequantizeLinear::CODE, Softmax::CODE, LogSoftmax::CODE, QLinearSoftmax::CODE];
    let input = *step.inputs().first()?;
    if input == ABSENT || input == tensor || !known.contains(&step.entry.code) {
        return None;
    }
    Some((input, writer(model, input, *at)?))
}

/// Softmax, step and zero of what an operator that passes scores on reads.
fn behind(step: &Step<'_>, scores: &Scores) -> (bool, f32, i32) {
    let constant = |i: usize| step.constant(i).and_then(|bytes| bytemuck::try_cast_slice::<u8, f32>(bytes).ok());
    let first = |i: usize| constant(i).and_then(|values| values.first().copied());
    match step.entry.code {
        Softmax::CODE | LogSoftmax::CODE => (true, 1.0, 0),
        // Its first power is exp(-scale).
        QLinearSoftmax::CODE => (true, first(1).map_or(1.0, |p| -libm::logf(p)), 0),
        DequantizeLinear::CODE => (scores.softmax, first(1).unwrap_or(1.0), 0),
        _ => (scores.softmax, scores.scale, scores.zero),
    }
}
