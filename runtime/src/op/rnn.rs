//! `RNN`: an Elman cell over a sequence: `h = f(w·x + r·h + bias)`.
//!
//! Shapes: see [`recurrent`]. Weights may be stored in half precision. Source: ONNX `RNN`.

use super::recurrent::{self, Common, Form, Y, Y_H};
use crate::{Code, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::{Activation, RnnF32};

crate::attrs! {
    /// Attributes of [`Rnn`].
    pub struct RnnAttrs {
        /// [`recurrent::FORWARD`], [`recurrent::REVERSE`] or [`recurrent::BIDIRECTIONAL`].
        pub direction: u32,
        /// Whether the first axis is the batch; otherwise it is time.
        pub batch_first: bool,
        /// Which outputs there are: a sum of [`recurrent::Y`] and [`recurrent::Y_H`].
        pub outputs: u32,
        /// The bound of pre-activations; `inf` for none.
        pub clip: f32,
        /// `f` of each direction.
        pub activations: [Activation; 2],
    }
}

impl RnnAttrs {
    fn common(&self) -> Common {
        Common { direction: self.direction, batch_first: self.batch_first, outputs: self.outputs, clip: self.clip }
    }
}

const FORM: Form = Form { gates: 1, inputs: 6, outputs: Y | Y_H, scratch: 2 };

/// `x, w, r, bias?, lengths?, h0? -> y?, y_h?`; see the module.
pub struct Rnn;

impl Op for Rnn {
    const CODE: Code = Code(232);
    const NAME: &'static str = "RNN";
    type Attrs = RnnAttrs;

    fn infer(attrs: &RnnAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        recurrent::infer(&attrs.common(), FORM, sig, out).map(drop)
    }

    fn macs(attrs: &RnnAttrs, sig: &Sig<'_>) -> u64 {
        recurrent::macs(&attrs.common(), FORM, sig)
    }

    fn run<K: Kernels>(attrs: &RnnAttrs, io: &mut Io<'_>) {
        let [f, backward_f] = attrs.activations;
        recurrent::run(&attrs.common(), FORM, io, &mut |layer, step| {
            K::rnn_f32(RnnF32 {
                x: step.x,
                h: step.h,
                w: layer.w,
                r: layer.r,
                bias: layer.bias,
                activation: if layer.direction == 0 { f } else { backward_f },
                clip: attrs.clip,
                scratch: step.scratch,
            });
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;

    use super::*;
    use crate::attrs::Attrs;
    use crate::op::recurrent::FORWARD;
    use crate::op::testing::{Tensor, run_all};
    use siskin_kernels::Function;

    fn attrs() -> RnnAttrs {
        let tanh = Activation::plain(Function::Tanh);
        RnnAttrs { direction: FORWARD, batch_first: false, outputs: Y, clip: f32::INFINITY, activations: [tanh, tanh] }
    }

    #[test]
    fn equals_the_formula() {
        let (x, h0) = (Tensor::of(&[2, 1, 1], &[1.0f32, -2.0]), Tensor::of(&[1, 1, 1], &[0.5f32]));
        let (w, r) = (Tensor::of(&[1, 1, 1], &[0.5f32]), Tensor::of(&[1, 1, 1], &[-1.0f32]));
        let bias = Tensor::of(&[1, 2], &[0.25f32, 0.0]);
        let inputs = |h0| [Some(&x), Some(&w), Some(&r), Some(&bias), None, h0];
        let y = run_all::<Rnn>(&attrs(), &inputs(Some(&h0)), None).unwrap();
        assert_eq!(y[0].dims(), [2, 1, 1, 1]);
        for (got, want) in y[0].get::<f32>().iter().zip([0.244_918_66, -0.759_451_85]) {
            assert!((got - want).abs() < 1e-6, "{got}, not {want}");
        }
        let wide = Tensor::of(&[1, 1, 2], &[0.0f32; 2]);
        assert_eq!(run_all::<Rnn>(&attrs(), &inputs(Some(&wide)), None).unwrap_err(), Refusal::Shape);
    }

    #[test]
    fn activations_have_a_text_and_known_numbers() {
        let text = " direction=0 batch_first=false outputs=1 clip=inf activations=[Tanh:0:0,HardSigmoid:0.2:0.5]";
        let hard = Activation { function: Function::HardSigmoid, alpha: 0.2, beta: 0.5 };
        let attrs = RnnAttrs { activations: [attrs().activations[0], hard], ..attrs() };
        assert_eq!(RnnAttrs::parse(text), Some(attrs));
        let mut words = std::vec![];
        attrs.write(&mut |w| words.push(w));
        assert_eq!(RnnAttrs::read(&words), Ok(attrs));
        words[4] = 11;
        assert_eq!(RnnAttrs::read(&words), Err(Refusal::Attrs));
    }
}
