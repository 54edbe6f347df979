//! Two iterators side by side, without a division.
//!
//! `zip` asks chunks for their number, which divides by their length. Whether the optimizer sees that the length is not
//! 0 depends on what it inlines; where it does not, a panic stays in the image.

/// What `a.zip(b)` gives.
#[inline]
pub(crate) fn pairs<A: IntoIterator, B: IntoIterator>(a: A, b: B) -> impl Iterator<Item = (A::Item, B::Item)> {
    let (mut a, mut b) = (a.into_iter(), b.into_iter());
    core::iter::from_fn(move || Some((a.next()?, b.next()?)))
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn pairs_end_with_the_shorter() {
        let (a, b) = ([1, 2, 3, 4, 5], [6, 7, 8]);
        let zipped = a.chunks_exact(2).zip(b.chunks_exact(1));
        assert!(pairs(a.chunks_exact(2), b.chunks_exact(1)).eq(zipped));
        assert_eq!(pairs(&a, &b).count(), 3);
    }
}
