//! Functions of one element: `dx = dy · f'(x)`, the slope given by `x` and `y = f(x)`.

use super::Rule;
use crate::program::Reverse;
use core::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};
use siskin::attrs::Attrs;
use siskin::kernels::math::{erf, exp, sigmoid, tanh};
use siskin::op::{AlphaAttrs, Clip, Elu, Gelu, HardSigmoid};
use siskin_compiler::ir::{Graph, Node};

struct Map<F>(F);

/// A rule of a slope.
fn map(slope: impl Fn(f32, f32) -> f32 + Send + Sync + 'static) -> Option<Box<dyn Rule>> {
    Some(Box::new(Map(slope)))
}

pub(super) fn rule(_: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let step = |there: bool| if there { 1.0 } else { 0.0 };
    let alpha = AlphaAttrs::read(&node.attrs).map_or(0.0, |a| a.alpha);
    match node.op.name {
        "Relu" => map(move |_, y| step(y > 0.0)),
        "Sigmoid" => map(|_, y| y * (1.0 - y)),
        "Tanh" => map(|_, y| 1.0 - y * y),
        "Exp" => map(|_, y| y),
        "Log" => map(|x, _| 1.0 / x),
        "Sqrt" => map(|_, y| 0.5 / y),
        "Reciprocal" => map(|_, y| -y * y),
        "Neg" => map(|_, _| -1.0),
        "Abs" => map(|x, _| x.signum()),
        "Sin" => map(|x, _| x.cos()),
        "Cos" => map(|x, _| -x.sin()),
        "Erf" => map(|x, _| FRAC_2_SQRT_PI * exp(-x * x)),
        "Softplus" => map(|x, _| sigmoid(x)),
        "Softsign" => map(|x, _| (1.0 + x.abs()).powi(-2)),
        "HardSwish" => map(|x, _| if x.abs() < 3.0 { x / 3.0 + 0.5 } else { f32::from(u8::from(x > 0.0)) }),
        "Mish" => map(|x, y| {
            let t = if x == 0.0 { 0.6 } else { y / x };
            t + x * (1.0 - t * t) * sigmoid(x)
        }),
        "LeakyRelu" => map(move |x, _| if x < 0.0 { alpha } else { 1.0 }),
        "ThresholdedRelu" => map(move |x, _| step(x > alpha)),
        _ => of_attributes(node),
    }
}

fn of_attributes(node: &Node) -> Option<Box<dyn Rule>> {
    let inside = |y: f32, low: f32, high: f32| if y > low && y < high { 1.0 } else { 0.0 };
    if let Some(a) = node.get::<Clip>() {
        return map(move |_, y| inside(y, a.min, a.max));
    }
    if let Some(a) = node.get::<HardSigmoid>() {
        return map(move |_, y| a.alpha * inside(y, 0.0, 1.0));
    }
    if let Some(a) = node.get::<Elu>() {
        return map(move |x, _| a.gamma * if x < 0.0 { a.alpha / a.beta * exp(x / a.beta) } else { 1.0 });
    }
    match node.get::<Gelu>()? {
        a if a.tanh => map(gelu_tanh_slope),
        _ => map(|x, _| {
            let density = exp(-0.5 * x * x) / (2.0 * PI).sqrt();
            0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)) + x * density
        }),
    }
}

fn gelu_tanh_slope(x: f32, _: f32) -> f32 {
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    let t = tanh(SQRT_2_OVER_PI * (x + 0.044_715 * x * x * x));
    let inner = SQRT_2_OVER_PI * (1.0 + 3.0 * 0.044_715 * x * x);
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner
}

impl<F: Fn(f32, f32) -> f32 + Send + Sync> Rule for Map<F> {
    fn backward(&self, at: &mut Reverse<'_>) {
        let (x, y, dy) = (at.x(0), at.y(0), at.dy(0));
        let Some(dx) = at.dx(0) else { return };
        for (((dx, &dy), &x), &y) in dx.iter_mut().zip(dy).zip(x).zip(y) {
            *dx += dy * (self.0)(x, y);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    const FUNCTIONS: &[&str] = &[
        "Relu(x)",
        "Sigmoid(x)",
        "Tanh(x)",
        "Exp(x)",
        "Neg(x)",
        "Abs(x)",
        "Sin(x)",
        "Cos(x)",
        "Erf(x)",
        "Softplus(x)",
        "Softsign(x)",
        "HardSwish(x)",
        "Mish(x)",
        "LeakyRelu(x) alpha=0.1",
        "Clip(x) min=-0.5 max=0.7",
        "HardSigmoid(x) alpha=0.2 beta=0.5",
        "Elu(x) alpha=0.7 beta=1.5 gamma=1.2",
        "Gelu(x) tanh=false",
        "Gelu(x) tanh=true",
    ];

    proptest! {
        #![proptest_config(sizes(6))]
        #[test]
        fn gradients(n in 1u32..20) {
            for function in FUNCTIONS {
                check(&format!("in x: f32[{n}]\ny: f32[{n}] = {function}\nout y\n"));
            }
            for function in ["Log(p)", "Sqrt(p)", "Reciprocal(p)"] {
                check(&format!("in x: f32[{n}]\np: f32[{n}] = Exp(x)\ny: f32[{n}] = {function}\nout y\n"));
            }
        }
    }
}
