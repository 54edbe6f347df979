//! Packed constants that are floats, as bytes of the caller.

use crate::Io;

/// Lets `pack` fill `out`, in elements, and returns the bytes that it takes.
pub(super) fn floats(out: &mut [u8], pack: &mut dyn FnMut(&mut [f32]) -> usize) -> usize {
    let room = bytemuck::try_cast_slice_mut(whole(out)).unwrap_or(&mut []);
    pack(room).saturating_mul(size_of::<f32>())
}

/// As many bytes as make whole elements.
fn whole(out: &mut [u8]) -> &mut [u8] {
    let len = out.len() / size_of::<f32>() * size_of::<f32>();
    out.get_mut(..len).unwrap_or(&mut [])
}

/// The packed constants of a run; none if they are not aligned.
pub(super) fn read<'a>(io: &Io<'a>) -> &'a [f32] {
    bytemuck::try_cast_slice(io.packed()).unwrap_or(&[])
}
