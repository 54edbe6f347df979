//! `MatMul`: `da = dz · bᵀ`, `db = aᵀ · dz`, `dbias = Σ dz`, `dz` the result's gradient where no bound was reached.

use super::product::{Factor, multiply, multiply_packed, pack};
use super::{Constants, Rule, add, add_scaled, dims, of_sums, transpose};
use crate::program::Reverse;
use siskin::Shape;
use siskin::op::MatMul;
use siskin::strided::{Strides, broadcast, broadcast_shape, rows};
use siskin_compiler::ir::{Graph, Node};

struct Product {
    m: usize,
    k: usize,
    n: usize,
    transpose_b: bool,
    clamp: [f32; 2],
    /// The axes before the matrices, and a last one of length 1.
    stack: Shape,
    strides: [Strides; 2],
    /// Whether operand 1 is one constant matrix.
    layer: bool,
}

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let attrs = node.get::<MatMul>()?;
    let (a, b) = (dims(graph, node, 0), dims(graph, node, 1));
    let ((a_stack, a_dims), (b_stack, b_dims)) = (a.split_at(a.len() - 2), b.split_at(b.len() - 2));
    let (mut m, k) = (a_dims[0] as usize, a_dims[1] as usize);
    let n = b_dims[usize::from(!attrs.transpose_b)] as usize;
    let with_end = |stack: &[u32]| [stack, &[1]].concat();
    let (a_stack, b_stack) = (with_end(a_stack), with_end(b_stack));
    let mut stack = broadcast_shape(&a_stack, &b_stack)?;
    let mut strides = [&a_stack, &b_stack].map(|s| broadcast(s, stack.dims()));
    if b.len() == 2 {
        // One matrix for all of `a`: a single product of more rows.
        m *= stack.elements();
        stack = Shape::new(&[1])?;
        strides = [Strides::default(); 2];
    }
    let constant = node.input(1).is_some_and(|w| graph.constant(w).is_some());
    let (transpose_b, clamp, layer) = (attrs.transpose_b, [attrs.min, attrs.max], constant && b.len() == 2);
    Some(Box::new(Product { m, k, n, transpose_b, clamp, stack, strides, layer }))
}

impl Product {
    /// `b` as the factor that takes `dz` back to `a`.
    fn back<'a>(&self, b: &'a [f32]) -> Factor<'a> {
        Factor { b, k: self.n, n: self.k, transpose: !self.transpose_b }
    }

    fn one(&self, at: &mut Reverse<'_>, dz: &[f32], [a_at, b_at]: [usize; 2]) {
        let Product { m, k, n, .. } = *self;
        let a = &at.x(0)[a_at..a_at + m * k];
        let b = &at.x(1)[b_at..b_at + k * n];
        let mut da = at.take(m * k);
        if at.dx(0).is_some() {
            if self.layer {
                multiply_packed(dz, self.back(b), at.prepared(), &mut da);
            } else {
                multiply(dz, self.back(b), &mut da);
            }
        }
        if let Some(sum) = at.dx(0) {
            add(&mut sum[a_at..a_at + m * k], &da);
        }
        at.give(da);
        let (first, second, columns) = if self.transpose_b { (dz, a, k) } else { (a, dz, n) };
        let rows = k * n / columns;
        if m < 8 {
            // A few rows: their outer products.
            let Some(db) = at.dx(1) else { return };
            for (first, second) in first.chunks_exact(rows).zip(second.chunks_exact(columns)) {
                for (db, &factor) in db[b_at..b_at + k * n].chunks_exact_mut(columns).zip(first) {
                    if factor != 0.0 {
                        add_scaled(db, factor, second);
                    }
                }
            }
            return;
        }
        let (mut turned, mut db) = (at.take(first.len()), at.take(k * n));
        transpose(&mut turned, first, rows);
        multiply(&turned, Factor { b: second, k: m, n: columns, transpose: false }, &mut db);
        if let Some(sum) = at.dx(1) {
            add(&mut sum[b_at..b_at + k * n], &db);
        }
        at.give(turned);
        at.give(db);
    }
}

impl Rule for Product {
    fn trains(&self) -> &'static [usize] {
        &[1, 2]
    }

    fn channels(&self) -> Option<usize> {
        self.layer.then_some(usize::from(!self.transpose_b))
    }

    fn prepare(&self, constants: &Constants<'_>) -> Vec<f32> {
        constants(1).filter(|_| self.layer && self.m >= 8).map_or(Vec::new(), |b| pack(self.back(b)))
    }

    fn backward(&self, at: &mut Reverse<'_>) {
        let dz = of_sums(at, self.clamp);
        let mut next = dz.chunks_exact(self.m * self.n);
        rows(self.stack.dims(), [0, 0], &self.strides, |[a, b]| {
            let Some(dz) = next.next() else { return };
            self.one(at, dz, [a as usize * self.m * self.k, b as usize * self.k * self.n]);
        });
        at.give(dz);
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(sizes(12))]
        #[test]
        fn gradients(s in 1u32..3, m in 1u32..12, k in 1u32..5, n in 1u32..5, t: bool, bound in prop::sample::select(vec!["inf", "0.5"])) {
            let b = if t { format!("{n},{k}") } else { format!("{k},{n}") };
            check(&format!(
                "in x: f32[{s},{m},{k}]\nconst w: f32[{b}] = 0\nconst c: f32[{n}] = 0\n\
                 y: f32[{s},{m},{n}] = MatMul(x, w, c) transpose_b={t} min=-{bound} max={bound}\nout y\n"
            ));
            // Two activations, one of them for all of the stack.
            let (b, p) = if t { (format!("{s},{n},{k}"), format!("1,{n},{k}")) } else { (format!("{s},{k},{n}"), format!("1,{k},{n}")) };
            for b in [b, p] {
                check(&format!(
                    "in x: f32[{s},{m},{k}]\nconst w: f32[{b}] = 0\ne: f32[{b}] = Tanh(w)\n\
                     y: f32[{s},{m},{n}] = MatMul(x, e) transpose_b={t} min=-inf max=inf\nout y\n"
                ));
            }
        }
    }
}
