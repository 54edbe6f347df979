//! `LSTM`: a long short-term memory over a sequence.
//!
//! ```text
//! i = f(wi·x + ri·h + pi * c + bias)
//! f = f(wf·x + rf·h + pf * c + bias), or 1 - i with input_forget
//! c = f * c + i * g(wc·x + rc·h + bias)
//! o = f(wo·x + ro·h + po * c + bias)
//! h = o * h(c)
//! ```
//!
//! Shapes: see [`recurrent`]; `peepholes` is `[D, 3·H]`: gates i, o, f. Weights may be stored in half precision.
//! Source: ONNX `LSTM`.

use super::recurrent::{self, Common, Form, Y, Y_C, Y_H};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::{Activation, LstmF32};

crate::attrs! {
    /// Attributes of [`Lstm`].
    pub struct LstmAttrs {
        /// [`recurrent::FORWARD`], [`recurrent::REVERSE`] or [`recurrent::BIDIRECTIONAL`].
        pub direction: u32,
        /// Whether the first axis is the batch; otherwise it is time.
        pub batch_first: bool,
        /// Which outputs there are: a sum of [`recurrent::Y`], [`recurrent::Y_H`] and [`recurrent::Y_C`].
        pub outputs: u32,
        /// The bound of pre-activations; `inf` for none.
        pub clip: f32,
        /// `f`, `g` and `h` of the first direction, then of the second.
        pub activations: [Activation; 6],
        /// Whether the forget gate is the input gate's complement.
        pub input_forget: bool,
    }
}

impl LstmAttrs {
    fn common(&self) -> Common {
        Common { direction: self.direction, batch_first: self.batch_first, outputs: self.outputs, clip: self.clip }
    }
}

const FORM: Form = Form { gates: 4, inputs: 8, outputs: Y | Y_H | Y_C, scratch: 8 };

/// `x, w, r, bias?, lengths?, h0?, c0?, peepholes? -> y?, y_h?, y_c?`; see the module.
pub struct Lstm;

impl Op for Lstm {
    const CODE: Code = Code(231);
    const NAME: &'static str = "LSTM";
    type Attrs = LstmAttrs;

    fn infer(attrs: &LstmAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let sizes = recurrent::infer(&attrs.common(), FORM, sig, out)?;
        recurrent::infer_state(sig, 6, &sizes, &attrs.common())?;
        let peepholes = sizes.hidden.checked_mul(3).ok_or(Refusal::Shape)?;
        recurrent::optional(sig, 7, DType::F32, &[sig.ty(2)?.shape.dim(0), peepholes])
    }

    fn macs(attrs: &LstmAttrs, sig: &Sig<'_>) -> u64 {
        recurrent::macs(&attrs.common(), FORM, sig)
    }

    fn pack<K: Kernels>(attrs: &LstmAttrs, io: &Io<'_>, out: &mut [u8]) -> usize {
        recurrent::pack::<K>(&attrs.common(), FORM, io, out)
    }

    fn run<K: Kernels>(attrs: &LstmAttrs, io: &mut Io<'_>) {
        let [f, g, h, backward_f, backward_g, backward_h] = attrs.activations;
        let peepholes = io.input::<f32>(7);
        recurrent::run(&attrs.common(), FORM, io, &mut |layer, step| {
            let forward = layer.direction == 0;
            let cell = LstmF32 {
                x: step.x,
                peepholes: recurrent::part(peepholes, layer.direction, step.h.len().saturating_mul(3)),
                h: step.h,
                c: step.c,
                w: layer.w,
                r: layer.r,
                bias: layer.bias,
                activations: if forward { [f, g, h] } else { [backward_f, backward_g, backward_h] },
                input_forget: attrs.input_forget,
                clip: attrs.clip,
                scratch: step.scratch,
            };
            K::packed_lstm_f32(cell, layer.packed);
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::recurrent::FORWARD;
    use crate::op::testing::{Tensor, run_all};
    use siskin_kernels::Function;

    fn attrs() -> LstmAttrs {
        let [f, g] = [Function::Sigmoid, Function::Tanh].map(Activation::plain);
        LstmAttrs {
            direction: FORWARD,
            batch_first: false,
            outputs: Y_H | Y_C,
            clip: f32::INFINITY,
            activations: [f, g, g, f, g, g],
            input_forget: false,
        }
    }

    #[test]
    fn equals_the_formula() {
        let x = Tensor::of(&[2, 1, 1], &[1.0f32, -2.0]);
        let w = Tensor::of(&[1, 4, 1], &[0.5f32, -0.5, 1.0, 0.25]);
        let r = Tensor::of(&[1, 4, 1], &[0.5f32, 1.0, -1.0, 0.25]);
        let bias = Tensor::of(&[1, 8], &[-0.5f32, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2]);
        let peepholes = Tensor::of(&[1, 3], &[0.1f32, -0.2, 0.3]);
        let inputs = |p| [Some(&x), Some(&w), Some(&r), Some(&bias), None, None, None, Some(p)];
        let y = run_all::<Lstm>(&attrs(), &inputs(&peepholes), None).unwrap();
        assert_eq!(y.len(), 2);
        for (y, want) in y.iter().zip([-0.043_712, -0.066_715_75f32]) {
            assert_eq!(y.dims(), [1, 1, 1]);
            assert!((y.get::<f32>()[0] - want).abs() < 1e-6, "{y:?}, not {want}");
        }
        let wide = Tensor::of(&[1, 4], &[0.0f32; 4]);
        assert_eq!(run_all::<Lstm>(&attrs(), &inputs(&wide), None).unwrap_err(), Refusal::Shape);
    }

    #[test]
    fn a_coupled_gate_keeps_what_it_does_not_take() {
        // All gates at 0: i = 0.5, f = 1 - i, so c halves.
        let zeros = |dims: &[u32]| Tensor::of(dims, &[0.0f32; 4][..dims.iter().product::<u32>() as usize]);
        let (x, w, r, c0) = (zeros(&[1, 1, 1]), zeros(&[1, 4, 1]), zeros(&[1, 4, 1]), Tensor::of(&[1, 1, 1], &[3.0f32]));
        let attrs = LstmAttrs { outputs: Y_C, input_forget: true, ..attrs() };
        let y = run_all::<Lstm>(&attrs, &[Some(&x), Some(&w), Some(&r), None, None, None, Some(&c0)], None).unwrap();
        assert_eq!(y[0].get::<f32>(), [1.5]);
        let short = LstmAttrs { outputs: 8, ..attrs };
        assert_eq!(run_all::<Lstm>(&short, &[Some(&x), Some(&w), Some(&r)], None).unwrap_err(), Refusal::Attrs);
    }
}
