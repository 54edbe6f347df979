//! `MatMul` on integers: by constant weights, or of two activations.

use super::{Match, bias, dequantized, multipliers, steps, weights};
use crate::ir::{Graph, IrError, Tensor, ValueId};
use siskin::attrs::SignedQuad;
use siskin::op::{MatMul, QLinearBatchMatMul, QLinearBatchMatMulAttrs, QLinearMatMul, QLinearMatMulAttrs};

/// The integer form of a matrix product.
pub(in super::super) fn matmul(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let (Some(attrs), Some(a), Some(b)) = (m.node.get::<MatMul>(), m.node.input(0), m.node.input(1)) else {
        return Ok(None);
    };
    let Some(x) = dequantized(graph, a) else { return Ok(None) };
    let axis = if attrs.transpose_b { 0 } else { 1 };
    let name = &m.node.name;
    if graph.dims(b).len() == 2
        && let Some(w) = weights(graph, b, axis)
        && let Some(bias) = bias(graph, m.node.input(2), &steps(x.scale, &w.scales))
        && let Some(rows) = output_first(&w.integers, axis)
    {
        let scales = multipliers(x.scale, &w.scales, m.y.scale);
        let attrs = QLinearMatMulAttrs { zeros: m.zeros(&x, [attrs.min, attrs.max]) };
        let (w, b) = (graph.add_const(name, rows), graph.add_const("bias", Tensor::vector(&bias)));
        let s = graph.add_const("scale", Tensor::vector(&scales));
        return Ok(Some(graph.add::<QLinearMatMul>(name, &attrs, &[Some(x.value), Some(w), Some(b), Some(s)])?[0]));
    }
    let Some(other) = dequantized(graph, b) else { return Ok(None) };
    let free =
        attrs.min == f32::NEG_INFINITY && attrs.max == f32::INFINITY && m.clamp == [f32::NEG_INFINITY, f32::INFINITY];
    if m.node.input(2).is_some() || !free {
        return Ok(None);
    }
    let attrs = QLinearBatchMatMulAttrs {
        zeros: SignedQuad([x.zero_i8(), other.zero_i8(), m.y.zero_i8(), 0]),
        scale: x.scale * other.scale / m.y.scale,
        transpose_b: attrs.transpose_b,
    };
    Ok(Some(graph.add::<QLinearBatchMatMul>(name, &attrs, &[Some(x.value), Some(other.value)])?[0]))
}

/// Weights as `[out, in]`, whichever axis counts outputs.
fn output_first(w: &Tensor, axis: u32) -> Option<Tensor> {
    let [rows, columns] = *w.dims() else { return None };
    if axis == 0 {
        return Some(w.clone());
    }
    let (from, (rows_n, columns_n)) = (w.get::<i8>()?, (rows as usize, columns as usize));
    let moved: Vec<i8> = (0..columns_n).flat_map(|c| (0..rows_n).map(move |r| from[r * columns_n + c])).collect();
    Tensor::new(&[columns, rows], &moved)
}

#[cfg(test)]
mod tests {
    #[test]
    fn weights_count_outputs_first() {
        super::super::check(
            "in q: i8[1,2]\nx: f32[1,2] = DQ(q, s, z) pair\nconst wi: i8[2,3] = 1 2 3 4 5 6\nconst ws: f32[3] = 0.5 1 2\n\
             w: f32[2,3] = DequantizeLinear(wi, ws, _) axis=1 block=0\nconst b: f32[3] = 1 2 -4\n\
             r: f32[1,3] = MatMul(x, w, b) transpose_b=false min=-inf max=inf\n\
             y: i8[1,3] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in q: i8[1,2]\nconst w: i8[3,2] = 1 4 2 5 3 6\nconst b: i32[3] = 4 4 -4\nconst m: f32[3] = 1 2 4\n\
             y: i8[1,3] = QLinearMatMul(q, w, b, m) zeros=[1,-2,-128,127]\nout y\n",
        );
    }

    #[test]
    fn two_activations_make_a_product_of_their_own() {
        super::super::check(
            "in p: i8[2,2]\nin q: i8[3,2]\na: f32[2,2] = DQ(p, s, z) pair\nb: f32[3,2] = DQ(q, t, u) pair\n\
             r: f32[2,3] = MatMul(a, b) transpose_b=true min=-inf max=inf\n\
             y: i8[2,3] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in p: i8[2,2]\nin q: i8[3,2]\n\
             y: i8[2,3] = QLinearBatchMatMul(p, q) zeros=[1,-2,-2,0] scale=0.5 transpose_b=true\nout y\n",
        );
    }
}
