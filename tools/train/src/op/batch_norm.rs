//! `BatchNormalization` as it is at inference, `y = x · scale + shift`: `dx = dy · scale`, `dscale = Σ dy · x`, `dshift = Σ dy`.

use super::{Rule, add_rows};
use crate::program::Reverse;
use siskin::op::BatchNormalization;
use siskin_compiler::ir::{Graph, Node};

struct Affine;

pub(super) fn rule(_: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    node.is::<BatchNormalization>().then(|| Box::new(Affine) as Box<dyn Rule>)
}

impl Rule for Affine {
    fn trains(&self) -> &'static [usize] {
        &[1, 2]
    }

    fn backward(&self, at: &mut Reverse<'_>) {
        let (x, scale, dy) = (at.x(0), at.x(1), at.dy(0));
        let channels = scale.len().max(1);
        if let Some(dx) = at.dx(0) {
            for (dx, dy) in dx.chunks_exact_mut(channels).zip(dy.chunks_exact(channels)) {
                dx.iter_mut().zip(dy).zip(scale).for_each(|((dx, dy), s)| *dx += dy * s);
            }
        }
        if let Some(dscale) = at.dx(1) {
            for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
                dscale.iter_mut().zip(x).zip(dy).for_each(|((d, x), dy)| *d += dy * x);
            }
        }
        if let Some(dshift) = at.dx(2) {
            add_rows(dshift, dy);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(sizes(8))]
        #[test]
        fn gradients(n in 1u32..6, c in 1u32..6) {
            check(&format!(
                "in x: f32[{n},{c}]\nconst s: f32[{c}] = 0\nconst t: f32[{c}] = 0\n\
                 y: f32[{n},{c}] = BatchNormalization(x, s, t)\nout y\n"
            ));
        }
    }
}
