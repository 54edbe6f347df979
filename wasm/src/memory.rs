//! Memory aligned as a `.siskin` file and its arena need it.

use alloc::vec::Vec;
use bytemuck::{Pod, Zeroable};

/// What memory is counted in: as long as its alignment, so that every length is possible.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(16))]
pub(crate) struct Block([u8; 16]);

const _: () = assert!(align_of::<Block>() == siskin::format::ALIGN);

/// Zeroed memory of at least `len` bytes; nothing if there is no more to be had.
pub(crate) fn zeroed<T: Zeroable + Clone>(len: usize) -> Option<Vec<T>> {
    let mut memory = Vec::new();
    let count = len.div_ceil(size_of::<T>().max(1));
    memory.try_reserve_exact(count).ok()?;
    memory.resize(count, T::zeroed());
    Some(memory)
}

/// The bytes, for as long as the instance lives.
pub(crate) fn for_ever(memory: Vec<Block>) -> &'static mut [u8] {
    bytemuck::try_cast_slice_mut(memory.leak()).unwrap_or(&mut [])
}
