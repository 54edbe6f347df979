//! What recurrent operators share: shapes, and the walk over directions, samples and steps.
//!
//! ```text
//! x         [T, B, I]      batch_first: [B, T, I]
//! w, r      [D, gates·H, I], [D, gates·H, H]; f32 or f16
//! bias      [D, 2·gates·H]
//! lengths   [B] i32: the steps of each sample; all T without
//! h0, c0    [D, B, H]      batch_first: [B, D, H]
//! y         [T, D, B, H]   batch_first: [B, T, D, H]; 0 beyond a sample's length
//! y_h, y_c  [D, B, H]      batch_first: [B, D, H]
//! ```
//!
//! `D` is 2 if both directions run, otherwise 1. The backward direction begins at a sample's last step.

use crate::attrs::{Valid, Validity, Word, scalar};
use crate::{DType, Outputs, Refusal, Shape, Sig, Type};
use core::fmt;
use siskin_kernels::{Activation, Function};

mod walk;

pub(super) use walk::{pack, part, run};

/// `direction`: from the first step to the last.
pub const FORWARD: u32 = 0;
/// `direction`: from the last step to the first.
pub const REVERSE: u32 = 1;
/// `direction`: both, each with weights of its own.
pub const BIDIRECTIONAL: u32 = 2;

/// `outputs`: every step's `h`.
pub const Y: u32 = 1;
/// `outputs`: the last step's `h`.
pub const Y_H: u32 = 2;
/// `outputs`: the last step's `c`.
pub const Y_C: u32 = 4;

/// A function's name and its parameters, as `HardSigmoid:0.2:0.5`.
impl Word for Activation {
    const VALIDITY: Validity =
        Validity::one(Valid::between(0, Function::ALL.len() as u8 - 1)).then(f32::VALIDITY.times(2));

    fn read(words: &mut &[u32]) -> Self {
        let function = Function::ALL.get(u32::read(words) as usize).map_or(Function::Sigmoid, |f| f.0);
        Activation { function, alpha: f32::read(words), beta: f32::read(words) }
    }

    fn write(&self, put: &mut dyn FnMut(u32)) {
        put(self.function as u32);
        self.alpha.write(put);
        self.beta.write(put);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Function::ALL.get(self.function as usize).map_or("", |(_, name)| name);
        write!(f, "{name}:{}:{}", self.alpha, self.beta)
    }

    fn parse(text: &mut &str) -> Option<Self> {
        let mut parts = scalar(text).split(':');
        let name = parts.next()?;
        let function = Function::ALL.iter().find(|(_, n)| *n == name)?.0;
        let (alpha, beta) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Activation { function, alpha, beta })
    }
}

/// The attributes that every recurrent operator has.
#[derive(Clone, Copy)]
pub(super) struct Common {
    pub(super) direction: u32,
    pub(super) batch_first: bool,
    pub(super) outputs: u32,
    pub(super) clip: f32,
}

/// Where an operator finds what not all operators have.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// Gates of the cell.
    pub(super) gates: u32,
    /// The most inputs.
    pub(super) inputs: usize,
    /// The outputs that it knows.
    pub(super) outputs: u32,
    /// Floats of scratch per element of the state.
    pub(super) scratch: u32,
}

/// The lengths of all axes.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    steps: u32,
    batch: u32,
    inputs: u32,
    pub(super) hidden: u32,
    directions: u32,
}

impl Sizes {
    fn new(x: &[u32], r: &[u32], common: &Common) -> Option<Sizes> {
        let &[first, second, inputs] = x else { return None };
        let &[directions, _, hidden] = r else { return None };
        let (steps, batch) = if common.batch_first { (second, first) } else { (first, second) };
        let sizes = Sizes { steps, batch, inputs, hidden, directions };
        [steps, batch, inputs, hidden].iter().all(|&d| d > 0).then_some(sizes)
    }

    /// The shape of a state: `[D, B, H]`, or `[B, D, H]`.
    fn state(&self, common: &Common) -> [u32; 3] {
        let Sizes { batch, hidden, directions, .. } = *self;
        if common.batch_first { [batch, directions, hidden] } else { [directions, batch, hidden] }
    }

    /// The shape of all states: `[T, D, B, H]`, or `[B, T, D, H]`.
    fn sequence(&self, common: &Common) -> [u32; 4] {
        let Sizes { steps, batch, hidden, directions, .. } = *self;
        if common.batch_first { [batch, steps, directions, hidden] } else { [steps, directions, batch, hidden] }
    }
}

/// The rule of types, but for the inputs from the seventh.
pub(super) fn infer(common: &Common, form: Form, sig: &Sig<'_>, out: &mut Outputs) -> Result<Sizes, Refusal> {
    sig.at_most(form.inputs)?;
    let (x, w, r) = (sig.shape(0, DType::F32)?, sig.ty(1)?, sig.ty(2)?);
    if [w, r].iter().any(|t| !matches!(t.dtype, DType::F32 | DType::F16)) {
        return Err(Refusal::DType);
    }
    let directions = match common.direction {
        FORWARD | REVERSE => 1,
        BIDIRECTIONAL => 2,
        _ => return Err(Refusal::Attrs),
    };
    let known = common.outputs != 0 && common.outputs & !form.outputs == 0;
    // Written so that a NaN is refused.
    let bounded = common.clip >= 0.0;
    if !known || !bounded {
        return Err(Refusal::Attrs);
    }
    let sizes = Sizes::new(x, r.shape, common).ok_or(Refusal::Shape)?;
    let rows = form.gates.checked_mul(sizes.hidden).ok_or(Refusal::Shape)?;
    expect(w.shape, &[directions, rows, sizes.inputs])?;
    expect(r.shape, &[directions, rows, sizes.hidden])?;
    optional(sig, 3, DType::F32, &[directions, rows.checked_mul(2).ok_or(Refusal::Shape)?])?;
    optional(sig, 4, DType::I32, &[sizes.batch])?;
    optional(sig, 5, DType::F32, &sizes.state(common))?;
    outputs(common, form, &sizes, out)?;
    Ok(sizes)
}

/// The rule of types for a second state.
pub(super) fn infer_state(sig: &Sig<'_>, i: usize, sizes: &Sizes, common: &Common) -> Result<(), Refusal> {
    optional(sig, i, DType::F32, &sizes.state(common))
}

/// An input that, if given, has this type.
pub(super) fn optional(sig: &Sig<'_>, i: usize, dtype: DType, dims: &[u32]) -> Result<(), Refusal> {
    if sig.opt(i).is_some() { expect(sig.shape(i, dtype)?, dims) } else { Ok(()) }
}

fn expect(shape: &[u32], dims: &[u32]) -> Result<(), Refusal> {
    if shape == dims { Ok(()) } else { Err(Refusal::Shape) }
}

fn outputs(common: &Common, form: Form, sizes: &Sizes, out: &mut Outputs) -> Result<(), Refusal> {
    let of = |dims: &[u32]| Shape::new(dims).map(|s| Type::new(DType::F32, s)).ok_or(Refusal::Shape);
    let (sequence, state) = (of(&sizes.sequence(common))?, of(&sizes.state(common))?);
    let mut list = [state; 3];
    let mut count = 0usize;
    for (bit, ty) in [(Y, sequence), (Y_H, state), (Y_C, state)] {
        if common.outputs & bit != 0 {
            *list.get_mut(count).ok_or(Refusal::Attrs)? = ty;
            count = count.saturating_add(1);
        }
    }
    // The states h and c, then the cell's own.
    let floats = form.scratch.checked_add(2).and_then(|n| n.checked_mul(sizes.hidden));
    out.scratch = floats.and_then(|n| n.checked_mul(4)).ok_or(Refusal::Shape)?;
    out.many(list.get(..count).unwrap_or(&[]))
}

/// Multiply-accumulates of all steps.
pub(super) fn macs(common: &Common, form: Form, sig: &Sig<'_>) -> u64 {
    let (Some(x), Some(r)) = (sig.opt(0), sig.opt(2)) else { return 0 };
    Sizes::new(x.shape, r.shape, common).map_or(0, |s| {
        let Sizes { steps, batch, inputs, hidden, directions } = s;
        let step = u64::from(hidden).saturating_mul(u64::from(inputs).saturating_add(hidden.into()));
        [steps, batch, directions, form.gates].iter().fold(step, |n, &d| n.saturating_mul(d.into()))
    })
}
