//! `Trilu`: the upper or lower triangle of each matrix, zeros elsewhere; any element type.
//!
//! ```text
//! upper: y[.., r, c] = x[.., r, c] if c >= r + k else 0
//! lower: y[.., r, c] = x[.., r, c] if c <= r + k else 0
//! ```

use crate::{Axes, Code, Refusal, Io, Kernels, Op, Outputs, Sig, bytes};

crate::attrs! {
    /// Attributes of [`Trilu`].
    pub struct TriluAttrs {
        /// The upper triangle, or the lower.
        pub upper: bool,
        /// The diagonal that bounds it: above the main one if positive.
        pub k: i32,
    }
}

/// See the module.
pub struct Trilu;

impl Op for Trilu {
    const CODE: Code = Code(172);
    const NAME: &'static str = "Trilu";
    type Attrs = TriluAttrs;

    fn infer(_: &TriluAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.ty(0)?;
        if x.shape.rank() >= 2 { out.like(x) } else { Err(Refusal::Shape) }
    }

    fn in_place(_: &TriluAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &TriluAttrs, io: &mut Io<'_>) {
        trilu(attrs, io);
    }
}

fn trilu(attrs: &TriluAttrs, io: &mut Io<'_>) {
    let (shape, width) = (io.out_shape(0), bytes::width(io));
    let &[.., rows, columns] = shape else { return };
    let (x, y) = (io.bytes(0), io.output_bytes(0));
    bytes::copy(y, x);
    let row = (columns as usize).wrapping_mul(width);
    for y in y.chunks_exact_mut(row.wrapping_mul(rows as usize).max(1)) {
        for (r, row) in y.chunks_exact_mut(row.max(1)).enumerate() {
            let diagonal = (r as i64).wrapping_add(attrs.k.into());
            let bound = if attrs.upper { diagonal } else { diagonal.wrapping_add(1) };
            let bound = usize::try_from(bound.clamp(0, columns.into())).unwrap_or(0).wrapping_mul(width);
            let (before, from) = row.split_at_mut_checked(bound).unwrap_or((&mut [], &mut []));
            if attrs.upper { before } else { from }.fill(0);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    #[test]
    fn keeps_a_triangle() {
        let x = Tensor::of(&[2, 3], &[1i32, 2, 3, 4, 5, 6]);
        let keep = |upper, k| run::<Trilu>(&TriluAttrs { upper, k }, &[&x]).unwrap();
        assert_eq!(keep(true, 0), Tensor::of(&[2, 3], &[1i32, 2, 3, 0, 5, 6]));
        assert_eq!(keep(false, 1), Tensor::of(&[2, 3], &[1i32, 2, 0, 4, 5, 6]));
        assert_eq!(keep(false, i32::MIN), Tensor::of(&[2, 3], &[0i32; 6]));
        assert_eq!(keep(true, i32::MIN), x);
        let taken = run_all::<Trilu>(&TriluAttrs { upper: true, k: 2 }, &[Some(&x)], Some(0)).unwrap();
        assert_eq!(taken, [Tensor::of(&[2, 3], &[0i32, 0, 3, 0, 0, 0])]);
    }

    #[test]
    fn refuses_vectors() {
        let x = Tensor::of(&[3], &[0f32; 3]);
        assert_eq!(run::<Trilu>(&TriluAttrs { upper: true, k: 0 }, &[&x]).unwrap_err(), Refusal::Shape);
    }
}
