//! The operands of one step of a recurrent cell, for one sample.
//!
//! Weights lie as ONNX stores them: gate after gate, each `[hidden, inputs]` or `[hidden, hidden]`. `bias` holds that
//! of all gates of `w`, then that of all gates of `r`; it may be empty. The gates' pre-activations are clipped to
//! `-clip..=clip`; infinity for no bound.

use crate::{Activation, Weights};

/// One step of an Elman cell: `h = f(w·x + r·h + bias)`.
#[derive(Debug)]
pub struct RnnF32<'a> {
    /// `[inputs]`
    pub x: &'a [f32],
    /// `[hidden]`: the previous state, then the new one.
    pub h: &'a mut [f32],
    /// `[hidden, inputs]`
    pub w: Weights<'a>,
    /// `[hidden, hidden]`
    pub r: Weights<'a>,
    /// `[2·hidden]` or empty.
    pub bias: &'a [f32],
    /// `f`
    pub activation: Activation,
    /// The bound of pre-activations.
    pub clip: f32,
    /// `[2·hidden]`, of any content.
    pub scratch: &'a mut [f32],
}

/// One step of a gated recurrent unit.
///
/// ```text
/// z = f(wz·x + rz·h + bias)
/// r = f(wr·x + rr·h + bias)
/// c = g(wh·x + rh·(r * h) + bias), or g(wh·x + bias + r * (rh·h + bias)) with linear_before_reset
/// h = (1 - z) * c + z * h
/// ```
#[derive(Debug)]
pub struct GruF32<'a> {
    /// `[inputs]`
    pub x: &'a [f32],
    /// `[hidden]`: the previous state, then the new one.
    pub h: &'a mut [f32],
    /// `[3·hidden, inputs]`: gates z, r, h.
    pub w: Weights<'a>,
    /// `[3·hidden, hidden]`: gates z, r, h.
    pub r: Weights<'a>,
    /// `[6·hidden]` or empty.
    pub bias: &'a [f32],
    /// `f` and `g`.
    pub activations: [Activation; 2],
    /// Whether the reset gate acts after the recurrent product.
    pub linear_before_reset: bool,
    /// The bound of pre-activations.
    pub clip: f32,
    /// `[6·hidden]`, of any content.
    pub scratch: &'a mut [f32],
}

/// One step of a long short-term memory.
///
/// ```text
/// i = f(wi·x + ri·h + pi * c + bias)
/// f = f(wf·x + rf·h + pf * c + bias), or 1 - i with input_forget
/// c = f * c + i * g(wc·x + rc·h + bias)
/// o = f(wo·x + ro·h + po * c + bias)
/// h = o * h(c)
/// ```
#[derive(Debug)]
pub struct LstmF32<'a> {
    /// `[inputs]`
    pub x: &'a [f32],
    /// `[hidden]`: the previous output, then the new one.
    pub h: &'a mut [f32],
    /// `[hidden]`: the previous cell, then the new one.
    pub c: &'a mut [f32],
    /// `[4·hidden, inputs]`: gates i, o, f, c.
    pub w: Weights<'a>,
    /// `[4·hidden, hidden]`: gates i, o, f, c.
    pub r: Weights<'a>,
    /// `[8·hidden]` or empty.
    pub bias: &'a [f32],
    /// `[3·hidden]`: gates i, o, f; or empty.
    pub peepholes: &'a [f32],
    /// `f`, `g` and `h`.
    pub activations: [Activation; 3],
    /// Whether the forget gate is the input gate's complement.
    pub input_forget: bool,
    /// The bound of pre-activations.
    pub clip: f32,
    /// `[8·hidden]`, of any content.
    pub scratch: &'a mut [f32],
}
