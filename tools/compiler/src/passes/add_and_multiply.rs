//! Turns what subtracts or divides by a constant into what adds or multiplies, which other passes and integers know.
//!
//! ```text
//! x - c      becomes      x + (-c)          exactly
//! x / c      becomes      x * (1 / c)       exactly where c is a power of two, else to one rounding
//! ```

use crate::ir::{Graph, IrError, NodeId, Tensor};
use siskin::Op;
use siskin::attrs::NoAttrs;
use siskin::op::{Add, Div, Mul, Sub};

/// What changes no result: sums, and divisors that are powers of two.
pub(super) fn add_and_multiply(graph: &mut Graph) -> Result<bool, IrError> {
    let subtracted = replace::<Sub, Add>(graph, |c| Some(-c))?;
    let divided = replace::<Div, Mul>(graph, |c| Some(c.recip()).filter(|r| power_of_two(c) && power_of_two(*r)))?;
    Ok(subtracted || divided)
}

/// Every other constant divisor: for integers, whose rounding is coarser by far.
pub(crate) fn multiply_divisions(graph: &mut Graph) -> Result<bool, IrError> {
    replace::<Div, Mul>(graph, |c| Some(c.recip()).filter(|r| r.is_normal()))
}

fn power_of_two(v: f32) -> bool {
    v.is_normal() && v.to_bits().trailing_zeros() >= 23
}

/// Replaces `A(x, c)` by `B(x, f(c))` wherever `f` says something of every element.
fn replace<A: Op, B: Op<Attrs = NoAttrs>>(graph: &mut Graph, f: fn(f32) -> Option<f32>) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.all::<A>() {
        changed |= replace_one::<B>(graph, id, f)?.is_some();
    }
    Ok(changed)
}

fn replace_one<B: Op<Attrs = NoAttrs>>(
    graph: &mut Graph,
    id: NodeId,
    f: fn(f32) -> Option<f32>,
) -> Result<Option<()>, IrError> {
    let node = graph.node(id).clone();
    let (Some(x), Some(c)) = (node.input(0), node.input(1)) else { return Ok(None) };
    let Some(tensor) = graph.constant(c).filter(|_| graph.constant(x).is_none()).cloned() else { return Ok(None) };
    let values: Option<Vec<f32>> = tensor.get::<f32>().and_then(|v| v.iter().map(|&v| f(v)).collect());
    let Some(tensor) = values.and_then(|v| Tensor::new(tensor.dims(), &v)) else { return Ok(None) };
    let name = graph.value(c).name.clone();
    let c = graph.add_const(&name, tensor);
    let y = graph.add::<B>(&node.name, &NoAttrs {}, &[Some(x), Some(c)])?[0];
    graph.replace(node.outputs[0], y);
    Ok(Some(()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    fn check(before: &str, after: &str) {
        let text = |body: &str| format!("graph g\nin x: f32[2]\n{body}out y\n");
        super::super::check(("add_and_multiply", super::add_and_multiply), &text(before), &text(after));
    }

    #[test]
    fn a_constant_subtrahend_is_added() {
        check("const c: f32[2] = 0.5 -3\ny: f32[2] = Sub(x, c)\n", "const c: f32[2] = -0.5 3\ny: f32[2] = Add(x, c)\n");
        let other = "const c: f32[2] = 0.5 -3\ny: f32[2] = Sub(c, x)\n";
        check(other, other);
    }

    #[test]
    fn only_powers_of_two_divide_exactly() {
        check(
            "const c: f32[2] = 4 -0.5\ny: f32[2] = Div(x, c)\n",
            "const c: f32[2] = 0.25 -2\ny: f32[2] = Mul(x, c)\n",
        );
        for kept in ["3", "0"] {
            let kept = format!("const c: f32[] = {kept}\ny: f32[2] = Div(x, c)\n");
            check(&kept, &kept);
        }
    }

    #[test]
    fn integers_take_any_divisor_but_zero() {
        let text = |op, c| format!("graph g\nin x: f32[2]\nconst c: f32[] = {c}\ny: f32[2] = {op}(x, c)\nout y\n");
        let pass = ("multiply_divisions", super::multiply_divisions as fn(&mut _) -> _);
        super::super::check(pass, &text("Div", "10"), &text("Mul", "0.1"));
        super::super::check(pass, &text("Div", "0"), &text("Div", "0"));
    }
}
