//! `AveragePool` on integers.

use super::conv::{lift, small, unlift};
use super::{Match, dequantized};
use crate::ir::{Graph, IrError, Node, ValueId};
use siskin::attrs::Quad;
use siskin::op::{AveragePool, QLinearAveragePool, QLinearAveragePoolAttrs};

/// The integer form of an average over windows of one or two axes.
pub(in super::super) fn average(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let Some((x, attrs)) = parts(graph, m) else { return Ok(None) };
    let x = lift(graph, &m.node.name, x)?;
    let y = graph.add::<QLinearAveragePool>(&m.node.name, &attrs, &[Some(x)])?[0];
    Ok(Some(unlift(graph, &m.node.name, y, m)?))
}

/// Whether the integer form of this average gives the bytes that the float one between its pairs gives.
///
/// Where operand and output share one step, the average of `n` integers lies at least `1 / 2n` from a tie if `n` is odd, and
/// the float sum errs by less than `(n + 4) · 255 · 2^-24`: both round alike up to `n = 173`. With an even `n` there are ties,
/// and the errors of the float sum decide them.
pub(in super::super) fn rounds_alike(graph: &Graph, node: &Node, y_scale: f32) -> bool {
    let (Some(a), Some(x)) = (node.get::<AveragePool>(), node.input(0).and_then(|x| dequantized(graph, x))) else {
        return false;
    };
    let n = a.kernel.iter().try_fold(1u32, |n, &k| n.checked_mul(k));
    let whole = a.pad_begin == [0; 3] && a.pad_end == [0; 3] && a.uncounted == [0; 3];
    x.scale == y_scale && whole && n.is_some_and(|n| n % 2 == 1 && n <= 173)
}

fn parts(graph: &Graph, m: &Match<'_>) -> Option<(ValueId, QLinearAveragePoolAttrs)> {
    let a = m.node.get::<AveragePool>()?;
    let x = dequantized(graph, m.node.input(0)?)?;
    let ([_, kh, kw], [_, sh, sw]) = (small(window(graph, x.value, a.kernel))?, small(a.stride)?);
    let [_, dh, dw] = small(a.dilation)?;
    let ([_, top, left], [_, bottom, right]) = (small(a.pad_begin)?, small(a.pad_end)?);
    let planar = (3..=4).contains(&graph.dims(x.value).len());
    if a.uncounted != [0; 3] || !planar {
        return None;
    }
    let attrs = QLinearAveragePoolAttrs {
        kernel: Quad([kh, kw, 0, 0]),
        window: Quad([sh, sw, dh, dw]),
        pads: Quad([top, left, bottom, right]),
        zeros: m.zeros(&x, [f32::NEG_INFINITY, f32::INFINITY]),
        scale: x.scale / m.y.scale,
        count_include_pad: a.count_include_pad,
    };
    Some((x.value, attrs))
}

/// The window, with 0 for a side that is as long as the input's: windows of more than 255 are whole images.
fn window(graph: &Graph, x: ValueId, kernel: [u32; 3]) -> [u32; 3] {
    let dims = graph.dims(x);
    let (height, width) = (if dims.len() == 4 { dims[1] } else { 1 }, dims[dims.len() - 2]);
    let whole = |k: u32, len: u32| if k == len && k > 255 { 0 } else { k };
    [kernel[0], whole(kernel[1], height), whole(kernel[2], width)]
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_average_takes_the_ratio_of_steps() {
        super::super::check(
            "in q: i8[1,2,2,3]\nx: f32[1,2,2,3] = DQ(q, s, z) pair\n\
             r: f32[1,1,1,3] = AveragePool(x) kernel=[1,2,2] stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,0] pad_end=[0,0,0] \
             count_include_pad=false uncounted=[0,0,0]\n\
             y: i8[1,1,1,3] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in q: i8[1,2,2,3]\ny: i8[1,1,1,3] = QLinearAveragePool(q) kernel=[2,2,0,0] window=[1,1,1,1] pads=[0,0,0,0] \
             zeros=[1,-2,-128,127] scale=2 count_include_pad=false\nout y\n",
        );
    }
}
