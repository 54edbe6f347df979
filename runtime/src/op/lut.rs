//! `Lut`: any function of one `i8`, as a table.
//!
//! ```text
//! y = table[x + 128]
//! ```
//!
//! What the compiler makes of an activation between `DequantizeLinear` and `QuantizeLinear`.

use super::qlinear;
use crate::attrs::NoAttrs;
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};

/// `x i8 [..], table i8 [256] -> i8 [..]`; see the module.
pub struct Lut;

impl Op for Lut {
    const CODE: Code = Code(268);
    const NAME: &'static str = "Lut";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let (x, table) = (sig.shape(0, DType::I8)?, sig.shape(1, DType::I8)?);
        if table == [256] { out.dims(DType::I8, x) } else { Err(Refusal::Shape) }
    }

    fn in_place(_: &NoAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        let table = io.input(1);
        K::lut_i8(table, qlinear::taken_over(io));
    }
}
