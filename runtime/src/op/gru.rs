//! `GRU`: a gated recurrent unit over a sequence.
//!
//! ```text
//! z = f(wz·x + rz·h + bias)
//! r = f(wr·x + rr·h + bias)
//! c = g(wh·x + rh·(r * h) + bias), or g(wh·x + bias + r * (rh·h + bias)) with linear_before_reset
//! h = (1 - z) * c + z * h
//! ```
//!
//! Shapes: see [`recurrent`]. Weights may be stored in half precision. Source: ONNX `GRU`.

use super::recurrent::{self, Common, Form, Y, Y_H};
use crate::{Code, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::{Activation, GruF32};

crate::attrs! {
    /// Attributes of [`Gru`].
    pub struct GruAttrs {
        /// [`recurrent::FORWARD`], [`recurrent::REVERSE`] or [`recurrent::BIDIRECTIONAL`].
        pub direction: u32,
        /// Whether the first axis is the batch; otherwise it is time.
        pub batch_first: bool,
        /// Which outputs there are: a sum of [`recurrent::Y`] and [`recurrent::Y_H`].
        pub outputs: u32,
        /// The bound of pre-activations; `inf` for none.
        pub clip: f32,
        /// `f` and `g` of the first direction, then of the second.
        pub activations: [Activation; 4],
        /// Whether the reset gate acts after the recurrent product.
        pub linear_before_reset: bool,
    }
}

impl GruAttrs {
    fn common(&self) -> Common {
        Common { direction: self.direction, batch_first: self.batch_first, outputs: self.outputs, clip: self.clip }
    }
}

const FORM: Form = Form { gates: 3, inputs: 6, outputs: Y | Y_H, scratch: 6 };

/// `x, w, r, bias?, lengths?, h0? -> y?, y_h?`; see the module.
pub struct Gru;

impl Op for Gru {
    const CODE: Code = Code(230);
    const NAME: &'static str = "GRU";
    type Attrs = GruAttrs;

    fn infer(attrs: &GruAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        recurrent::infer(&attrs.common(), FORM, sig, out).map(drop)
    }

    fn macs(attrs: &GruAttrs, sig: &Sig<'_>) -> u64 {
        recurrent::macs(&attrs.common(), FORM, sig)
    }

    fn pack<K: Kernels>(attrs: &GruAttrs, io: &Io<'_>, out: &mut [u8]) -> usize {
        recurrent::pack::<K>(&attrs.common(), FORM, io, out)
    }

    fn run<K: Kernels>(attrs: &GruAttrs, io: &mut Io<'_>) {
        let [f, g, backward_f, backward_g] = attrs.activations;
        recurrent::run(&attrs.common(), FORM, io, &mut |layer, step| {
            let activations = if layer.direction == 0 { [f, g] } else { [backward_f, backward_g] };
            let cell = GruF32 {
                x: step.x,
                h: step.h,
                w: layer.w,
                r: layer.r,
                bias: layer.bias,
                activations,
                linear_before_reset: attrs.linear_before_reset,
                clip: attrs.clip,
                scratch: step.scratch,
            };
            K::packed_gru_f32(cell, layer.packed);
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;

    use super::*;
    use crate::op::recurrent::{BIDIRECTIONAL, FORWARD, REVERSE};
    use crate::op::testing::{Tensor, run_all};
    use siskin_kernels::Function;

    const W: [f32; 6] = [0.5, -0.5, 1.0, 0.25, -1.0, 0.75];
    const R: [f32; 12] = [0.5, 0.0, 0.0, 0.5, 1.0, -1.0, 0.0, 1.0, 0.25, 0.5, -0.5, 1.0];
    const BIAS: [f32; 12] = [-0.5, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6];

    fn attrs() -> GruAttrs {
        let [f, g] = [Function::Sigmoid, Function::Tanh].map(Activation::plain);
        GruAttrs {
            direction: FORWARD,
            batch_first: false,
            outputs: Y | Y_H,
            clip: f32::INFINITY,
            activations: [f, g, f, g],
            linear_before_reset: false,
        }
    }

    fn close(got: &Tensor, want: &[f32]) {
        let same = got.get::<f32>().iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-6);
        assert!(same && got.get::<f32>().len() == want.len(), "{got:?}, not {want:?}");
    }

    /// One sample of two steps.
    fn outputs(attrs: &GruAttrs) -> (Tensor, Tensor) {
        let x = Tensor::of(&[2, 1, 1], &[1.0f32, -2.0]);
        let [w, r, bias] = [Tensor::of(&[1, 6, 1], &W), Tensor::of(&[1, 6, 2], &R), Tensor::of(&[1, 12], &BIAS)];
        let mut y = run_all::<Gru>(attrs, &[Some(&x), Some(&w), Some(&r), Some(&bias)], None).unwrap();
        let last = y.pop().unwrap();
        (y.pop().unwrap(), last)
    }

    #[test]
    fn equals_the_formula() {
        let (y, last) = outputs(&attrs());
        close(&y, &[-0.255_109_72, 0.584_031_7, 0.766_446_6, 0.309_724_48]);
        close(&last, &[0.766_446_6, 0.309_724_48]);
        let (y, last) = outputs(&GruAttrs { linear_before_reset: true, ..attrs() });
        close(&y, &[-0.297_264_64, 0.538_764_7, 0.739_14, 0.234_345_9]);
        assert_eq!((y.dims(), last.dims()), (&[2, 1, 1, 2][..], &[1, 1, 2][..]));
    }

    #[test]
    fn reverse_begins_at_the_end() {
        let (y, last) = outputs(&GruAttrs { direction: REVERSE, ..attrs() });
        close(&y, &[0.318_747_8, 0.420_192_4, 0.789_088_1, -0.222_070_62]);
        close(&last, &[0.318_747_8, 0.420_192_4]);
    }

    #[test]
    fn lengths_cut_samples() {
        // Two samples, both directions, batch first; weights as halves, which hold them exactly.
        let twice = |v: &[f32]| [v, v].concat().iter().map(|&v| half::f16::from_f32(v)).collect::<std::vec::Vec<_>>();
        let x = Tensor::of(&[2, 2, 1], &[1.0f32, -2.0, -2.0, 9.0]);
        let (w, r) = (Tensor::of(&[2, 6, 1], &twice(&W)), Tensor::of(&[2, 6, 2], &twice(&R)));
        let bias = Tensor::of(&[2, 12], &[BIAS, BIAS].concat());
        let attrs = GruAttrs { direction: BIDIRECTIONAL, batch_first: true, ..attrs() };
        let run = |lengths: [i32; 2]| {
            let lengths = Tensor::of(&[2], &lengths);
            run_all::<Gru>(&attrs, &[&x, &w, &r, &bias, &lengths].map(Some), None).unwrap()
        };
        let y = run([2, 1]);
        assert_eq!((y[0].dims(), y[1].dims()), (&[2, 2, 2, 2][..], &[2, 2, 2][..]));
        close(&y[1], &[0.766_446_6, 0.309_724_48, 0.318_747_8, 0.420_192_4, 0.789_088_1, -0.222_070_62, 0.789_088_1, -0.222_070_62]);
        assert_eq!(y[0].get::<f32>()[12..], [0.0; 4]);
        let hostile = run([i32::MIN, i32::MAX]);
        assert_eq!(hostile[1].get::<f32>()[..4], [0.0; 4]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let of = |dims: &[u32]| Tensor::of(dims, &[0.0f32; 24][..dims.iter().product::<u32>() as usize]);
        let refused = |attrs: &GruAttrs, x: &[u32], w: &[u32], r: &[u32]| {
            run_all::<Gru>(attrs, &[Some(&of(x)), Some(&of(w)), Some(&of(r))], None).unwrap_err()
        };
        let (x, w, r) = (&[2, 1, 1][..], &[1, 6, 1][..], &[1, 6, 2][..]);
        assert_eq!(refused(&attrs(), x, &[1, 6, 2], r), Refusal::Shape);
        assert_eq!(refused(&attrs(), x, w, &[1, 4, 2]), Refusal::Shape);
        assert_eq!(refused(&attrs(), &[0, 1, 1], w, r), Refusal::Shape);
        assert_eq!(refused(&GruAttrs { direction: BIDIRECTIONAL, ..attrs() }, x, w, r), Refusal::Shape);
        assert_eq!(refused(&GruAttrs { direction: 3, ..attrs() }, x, w, r), Refusal::Attrs);
        assert_eq!(refused(&GruAttrs { outputs: 4, ..attrs() }, x, w, r), Refusal::Attrs);
        assert_eq!(refused(&GruAttrs { clip: f32::NAN, ..attrs() }, x, w, r), Refusal::Attrs);
    }
}
