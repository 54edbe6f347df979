//! `Softmax` on integers, by eight stored powers.

use super::{Match, dequantized};
use crate::ir::{Graph, IrError, Tensor, ValueId};
use siskin::attrs::SignedQuad;
use siskin::op::{QLinearSoftmax, QLinearSoftmaxAttrs, Softmax};

/// The integer form of a softmax over the last axis.
pub(in super::super) fn softmax(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let (Some(attrs), Some(x)) = (m.node.get::<Softmax>(), m.node.input(0).and_then(|v| dequantized(graph, v))) else {
        return Ok(None);
    };
    if attrs.axis as usize + 1 != graph.dims(x.value).len() {
        return Ok(None);
    }
    // Computed once, here: every target reads the same powers.
    let powers: Vec<f32> = (0..8).map(|k| libm::exp(-f64::from(1 << k) * f64::from(x.scale)) as f32).collect();
    let powers = graph.add_const("powers", Tensor::vector(&powers));
    let attrs = QLinearSoftmaxAttrs { y_scale: m.y.scale, zeros: SignedQuad([0, m.y.zero_i8(), -128, 127]) };
    Ok(Some(graph.add::<QLinearSoftmax>(&m.node.name, &attrs, &[Some(x.value), Some(powers)])?[0]))
}

#[cfg(test)]
mod tests {
    /// A step of ln 2 makes powers of 2.
    #[test]
    fn eight_powers_are_stored() {
        super::super::check(
            "in q: i8[1,4]\nconst l: f32[] = 0.6931472\nx: f32[1,4] = DQ(q, l, z) pair\nr: f32[1,4] = Softmax(x) axis=1\n\
             y: i8[1,4] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in q: i8[1,4]\nconst p: f32[8] = 0.5 0.25 0.0625 0.00390625 0.000015258788 \
             0.00000000023283063 0.000000000000000000054210102 0.000000000000000000000000000000000000002938734\n\
             y: i8[1,4] = QLinearSoftmax(q, p) y_scale=0.25 zeros=[0,-2,-128,127]\nout y\n",
        );
    }
}
