//! Moves every `Transpose` towards the outputs until it meets its opposite.
//!
//! ```text
//! op(Transpose(x)) = Transpose(op'(x))
//! ```
//!
//! Convolutions work channels last, so an imported one stands between two transposes. Sinking the one behind it
//! through the operators that do not care brings it to the one before the next convolution, where both vanish
//! ([`super::remove_no_ops`]). A transpose that only moves axes of length 1 moves no element and becomes a `Reshape`; one of a
//! dequantized constant moves to the constant, which is folded.

use crate::ir::{Graph, IrError, Node, NodeId, Tensor, ValueId};
use siskin::op::{
    Add, And, BitShift, BitwiseAnd, BitwiseOr, BitwiseXor, Concat, ConcatAttrs, DequantizeAttrs, DequantizeLinear, Div,
    Equal, Greater, GreaterOrEqual, Less, LessOrEqual, LogSoftmax, Max, Min, Mod, Mul, Or, PRelu, Pad, PadAttrs, Pow,
    QuantizeAttrs, QuantizeLinear, ReduceAttrs, Reshape, ReshapeAttrs, ResizeAxis, ResizeAxisAttrs, Slice, SliceAttrs,
    Softmax, SoftmaxAttrs, Sub, Transpose, TransposeAttrs, Where, Xor,
};
use siskin::{Code, Op, Shape};

/// An order of axes: axis `i` of the result is axis `perm[i]` of the operand.
type Perm = Vec<u32>;

pub(super) fn sink_transposes(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.all::<Transpose>() {
        let Some((x, perm)) = transpose_of(graph, graph.node(id).outputs[0]) else { continue };
        if graph.constant(x).is_some() {
            continue;
        }
        changed |= to_constant(graph, id, x, &perm)? || to_reshape(graph, id, x, &perm)? || sink(graph, id, &perm)?;
    }
    Ok(changed)
}

/// What `y` transposes and how, if a `Transpose` makes it.
fn transpose_of(graph: &Graph, y: ValueId) -> Option<(ValueId, Perm)> {
    let node = graph.node(graph.producer(y)?);
    let attrs = node.get::<Transpose>()?;
    Some((node.input(0)?, attrs.perm.iter().copied().take(graph.dims(y).len()).collect()))
}

/// A transpose that keeps the order of the axes that are longer than 1 moves nothing.
fn to_reshape(graph: &mut Graph, id: NodeId, x: ValueId, perm: &Perm) -> Result<bool, IrError> {
    let dims = graph.dims(x);
    let long: Vec<u32> = perm.iter().copied().filter(|&p| dims[p as usize] > 1).collect();
    if !long.is_sorted() {
        return Ok(false);
    }
    let node = graph.node(id).clone();
    let shape = graph.ty(node.outputs[0]).shape;
    let y = graph.add::<Reshape>(&node.name, &ReshapeAttrs { shape }, &[Some(x)])?[0];
    graph.replace(node.outputs[0], y);
    Ok(true)
}

/// `Transpose(DequantizeLinear(constant))` transposes the constant.
fn to_constant(graph: &mut Graph, id: NodeId, x: ValueId, perm: &Perm) -> Result<bool, IrError> {
    let Some(dequantize) = graph.producer(x).map(|n| graph.node(n).clone()) else { return Ok(false) };
    let (Some(attrs), Some(c)) = (dequantize.get::<DequantizeLinear>(), dequantize.input(0)) else { return Ok(false) };
    let axis = perm.iter().position(|&p| p == attrs.axis).unwrap_or(0) as u32;
    if graph.constant(c).is_none() || attrs.block != 0 {
        return Ok(false);
    }
    let moved = transposed(graph, &dequantize.name, c, perm)?;
    let mut inputs = dequantize.inputs.clone();
    inputs[0] = Some(moved);
    let y = graph.add::<DequantizeLinear>(&dequantize.name, &DequantizeAttrs { axis, ..attrs }, &inputs)?[0];
    let old = graph.node(id).outputs[0];
    graph.replace(old, y);
    Ok(true)
}

fn transposed(graph: &mut Graph, name: &str, x: ValueId, perm: &[u32]) -> Result<ValueId, IrError> {
    let attrs = TransposeAttrs::new(perm).ok_or_else(|| IrError::Definition(name.into()))?;
    Ok(graph.add::<Transpose>(name, &attrs, &[Some(x)])?[0])
}

/// Moves a transpose below each reader that allows it.
fn sink(graph: &mut Graph, id: NodeId, perm: &Perm) -> Result<bool, IrError> {
    let mut changed = false;
    let value = graph.node(id).outputs[0];
    for (user, _) in graph.users(value) {
        let node = graph.node(user).clone();
        // An earlier move may have taken this reader away.
        let reads = node.inputs.contains(&Some(value));
        let Some(plan) = plan(graph, &node, perm).filter(|_| reads) else { continue };
        let mut inputs = Vec::new();
        for input in &node.inputs {
            inputs.push(input.map(|v| untransposed(graph, v, perm, plan.aligned)).transpose()?);
        }
        let y = graph.add_entry(&node.name, node.op, plan.attrs, &inputs)?[0];
        let y = transposed(graph, &node.name, y, &plan.perm)?;
        graph.replace(node.outputs[0], y);
        changed = true;
    }
    Ok(changed)
}

/// An operand before its transpose: what was transposed, or a constant with its axes put back.
fn untransposed(graph: &mut Graph, v: ValueId, perm: &Perm, aligned: bool) -> Result<ValueId, IrError> {
    if let Some((x, p)) = transpose_of(graph, v)
        && p == *perm
    {
        return Ok(x);
    }
    if !aligned || graph.ty(v).shape.elements() == 1 {
        return Ok(v);
    }
    let name = graph.value(v).name.clone();
    let mut dims = vec![1; perm.len() - graph.dims(v).len()];
    dims.extend_from_slice(graph.dims(v));
    let full: Option<Tensor> = graph.constant(v).and_then(|t| t.reshaped(&dims));
    let full = graph.add_const(&name, full.ok_or_else(|| IrError::Definition(name.clone()))?);
    let mut inverse = vec![0; perm.len()];
    perm.iter().zip(0..).for_each(|(&p, i)| inverse[p as usize] = i);
    transposed(graph, &name, full, &inverse)
}

/// How a reader works on the operand before its transpose.
struct Plan {
    attrs: Vec<u32>,
    /// The transpose behind it.
    perm: Perm,
    /// Whether constant operands align with the transposed one and so have to follow.
    aligned: bool,
}

const BROADCASTING: &[Code] = &[
    Add::CODE,
    Sub::CODE,
    Mul::CODE,
    Div::CODE,
    Pow::CODE,
    Mod::CODE,
    Min::CODE,
    Max::CODE,
    PRelu::CODE,
    Equal::CODE,
    Less::CODE,
    LessOrEqual::CODE,
    Greater::CODE,
    GreaterOrEqual::CODE,
    And::CODE,
    Or::CODE,
    Xor::CODE,
    BitwiseAnd::CODE,
    BitwiseOr::CODE,
    BitwiseXor::CODE,
    BitShift::CODE,
    Where::CODE,
];

fn plan(graph: &Graph, node: &Node, perm: &Perm) -> Option<Plan> {
    let same = |aligned| Some(Plan { attrs: node.attrs.clone(), perm: perm.clone(), aligned });
    let with = |attrs| Some(Plan { attrs, perm: perm.clone(), aligned: false });
    let axis = |a: u32| perm.get(a as usize).copied();
    let alike = |v: ValueId| transpose_of(graph, v).is_some_and(|(_, p)| p == *perm);
    let rank = graph.dims(*node.outputs.first()?).len();
    let [_] = node.outputs[..] else { return None };
    if BROADCASTING.contains(&node.op.code) {
        let follows = |v: ValueId| alike(v) || graph.constant(v).is_some() || graph.ty(v).shape.elements() == 1;
        let all = rank == perm.len() && node.inputs.iter().flatten().all(|&v| follows(v));
        return if all { same(true) } else { None };
    }
    if crate::quantize::pointwise(node) {
        return same(false);
    }
    // The scales of blocks would have to move, too.
    let blocked = node.get::<QuantizeLinear>().map(|a| a.block).or(node.get::<DequantizeLinear>().map(|a| a.block));
    if blocked.is_some_and(|b| b != 0) {
        return None;
    }
    if let Some(a) = node.get::<QuantizeLinear>() {
        return with(words(&QuantizeAttrs { axis: axis(a.axis)?, ..a }));
    }
    if let Some(a) = node.get::<DequantizeLinear>() {
        return with(words(&DequantizeAttrs { axis: axis(a.axis)?, ..a }));
    }
    if let Some(a) = node.get::<ResizeAxis>() {
        return with(words(&ResizeAxisAttrs { axis: axis(a.axis)? }));
    }
    if let Some(a) = node.get::<Concat>() {
        let all = node.inputs.iter().flatten().all(|&v| alike(v));
        return with(words(&ConcatAttrs { axis: axis(a.axis)? })).filter(|_| all);
    }
    if let Some(a) = node.get::<Softmax>().or_else(|| node.get::<LogSoftmax>()) {
        return with(words(&SoftmaxAttrs { axis: axis(a.axis)? }));
    }
    if let Some(a) = node.get::<Slice>() {
        let shape = graph.ty(node.outputs[0]).shape;
        let put_back = |i: usize| perm.iter().position(|&p| p as usize == i).unwrap_or(i);
        let dims: Vec<u32> = (0..rank).map(|i| shape.dim(put_back(i))).collect();
        let attrs = SliceAttrs {
            start: core::array::from_fn(|i| a.start[put_back(i)]),
            step: core::array::from_fn(|i| a.step[put_back(i)]),
            shape: Shape::new(&dims)?,
        };
        return with(words(&attrs));
    }
    if let Some(a) = node.get::<Pad>() {
        let put_back = |i: usize| perm.iter().position(|&p| p as usize == i).unwrap_or(i);
        let (begin, end) =
            (core::array::from_fn(|i| a.begin[put_back(i)]), core::array::from_fn(|i| a.end[put_back(i)]));
        return with(words(&PadAttrs { begin, end }));
    }
    reduction(node, perm)
}

/// A reduction works on the axes where they were; without `keepdims` the remaining ones close up.
fn reduction(node: &Node, perm: &Perm) -> Option<Plan> {
    let attrs: ReduceAttrs = crate::quantize::reduction(node)?;
    let reduced = |i: u32| attrs.axes & (1 << i) != 0;
    let axes = (0..perm.len()).filter(|&i| reduced(i as u32)).map(|i| 1 << perm[i]).sum();
    let mut left: Vec<u32> = (0..perm.len()).filter(|&i| !reduced(i as u32)).map(|i| perm[i]).collect();
    if attrs.keepdims {
        left.clone_from(perm);
    } else {
        let mut sorted = left.clone();
        sorted.sort_unstable();
        left.iter_mut().for_each(|p| *p = sorted.iter().position(|s| s == p).unwrap_or(0) as u32);
    }
    Some(Plan { attrs: words(&ReduceAttrs { axes, ..attrs }), perm: left, aligned: false })
}

fn words<A: siskin::attrs::Attrs>(attrs: &A) -> Vec<u32> {
    let mut words = Vec::new();
    attrs.write(&mut |w| words.push(w));
    words
}

#[cfg(test)]
mod tests {
    const PASS: crate::passes::Pass = ("sink_transposes", super::sink_transposes);

    #[test]
    fn below_an_addition_of_a_constant() {
        super::super::check(
            PASS,
            "graph g\nin x: f32[2,3]\nt: f32[3,2] = Transpose(x) perm=[1,0,2,3,4,5,6,7]\nconst c: f32[3,1] = 1 2 3\n\
             y: f32[3,2] = Add(t, c)\nout y\n",
            "graph g\nin x: f32[2,3]\nconst c: f32[3,1] = 1 2 3\nk: f32[1,3] = Transpose(c) perm=[1,0,2,3,4,5,6,7]\n\
             y: f32[2,3] = Add(x, k)\nt: f32[3,2] = Transpose(y) perm=[1,0,2,3,4,5,6,7]\nout t\n",
        );
    }

    #[test]
    fn below_a_resizing() {
        super::super::check(
            PASS,
            "graph g\nin x: f32[2,3]\nt: f32[3,2] = Transpose(x) perm=[1,0,2,3,4,5,6,7]\nconst p: i32[3,1] = 0 0 1\n\
             y: f32[3,3] = ResizeAxis(t, p) axis=1\nout y\n",
            "graph g\nin x: f32[2,3]\nconst p: i32[3,1] = 0 0 1\ny: f32[3,3] = ResizeAxis(x, p) axis=0\n\
             t: f32[3,3] = Transpose(y) perm=[1,0,2,3,4,5,6,7]\nout t\n",
        );
    }

    #[test]
    fn axes_of_length_one_move_nothing() {
        super::super::check(
            PASS,
            "graph g\nin x: f32[1,5,3,1]\nt: f32[1,1,5,3] = Transpose(x) perm=[0,3,1,2,4,5,6,7]\nout t\n",
            "graph g\nin x: f32[1,5,3,1]\nt: f32[1,1,5,3] = Reshape(x) shape=[1,1,5,3]\nout t\n",
        );
    }
}
