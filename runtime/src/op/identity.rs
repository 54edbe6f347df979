//! `Identity`: `y = x`, any element type.
//!
//! Free where the plan lets `y` take over `x`; otherwise a copy, as for an output that repeats an input.

use crate::attrs::NoAttrs;
use crate::{Code, Refusal, Io, Kernels, Op, Outputs, Sig, bytes};

/// See the module.
pub struct Identity;

impl Op for Identity {
    const CODE: Code = Code(1);
    const NAME: &'static str = "Identity";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        out.like(sig.ty(0)?)
    }

    fn in_place(_: &NoAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        let x = io.bytes(0);
        bytes::copy(io.output_bytes(0), x);
    }
}
