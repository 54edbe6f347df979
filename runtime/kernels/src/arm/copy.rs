//! Bytes of a field, collected.

/// `to[i] = line[from + i]`, or `zero` where the line has no such element; gives `to` back.
#[inline(never)]
pub(super) fn copy<'a>(to: &'a mut [i8], line: &[i8], from: isize, zero: i8) -> &'a [i8] {
    let inside = usize::try_from(from).ok().and_then(|from| line.get(from..from.wrapping_add(to.len())));
    if let (Some(x), 4..) = (inside, to.len()) {
        // By words; the last one overlaps those before it.
        let last = x.len().wrapping_sub(4);
        let mut i = 0;
        loop {
            // SAFETY: `i + 4` is at most the length of both.
            unsafe {
                let word = x.as_ptr().add(i).cast::<u32>().read_unaligned();
                to.as_mut_ptr().add(i).cast::<u32>().write_unaligned(word);
            }
            if i == last {
                return to;
            }
            i = i.wrapping_add(4).min(last);
        }
    }
    for (to, i) in to.iter_mut().zip(0..) {
        let x = usize::try_from(from.wrapping_add(i)).ok().and_then(|i| line.get(i));
        *to = x.copied().unwrap_or(zero);
    }
    to
}
