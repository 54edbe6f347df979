//! Raw pointers from C to slices: the checks that can be made, in one place.

use crate::siskin_status;
use core::slice;

/// Addresses that something occupies.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    start: usize,
    bytes: usize,
}

impl Area {
    /// The addresses of `count` elements, which must be aligned, not null unless there are none, and fit memory.
    pub(crate) fn of<T>(pointer: *const T, count: usize) -> Result<Area, siskin_status> {
        let bytes = count.checked_mul(size_of::<T>()).filter(|&n| isize::try_from(n).is_ok());
        let bytes = bytes.ok_or(siskin_status::Length)?;
        if bytes > 0 && pointer.is_null() {
            return Err(siskin_status::Null);
        }
        if bytes > 0 && !pointer.is_aligned() {
            return Err(siskin_status::Misaligned);
        }
        pointer.addr().checked_add(bytes).ok_or(siskin_status::Length)?;
        Ok(Area { start: pointer.addr(), bytes })
    }

    fn overlaps(self, other: Area) -> bool {
        // Neither end wraps: `of` has added them.
        let ends_before = |a: Area, b: Area| a.start.saturating_add(a.bytes) <= b.start;
        self.bytes > 0 && other.bytes > 0 && !ends_before(self, other) && !ends_before(other, self)
    }

    /// Refuses areas of which two overlap.
    pub(crate) fn apart(areas: &[Area]) -> Result<(), siskin_status> {
        let mut rest = areas.iter();
        while let Some(&area) = rest.next() {
            if rest.clone().any(|&other| area.overlaps(other)) {
                return Err(siskin_status::Overlap);
            }
        }
        Ok(())
    }
}

/// A reference to what C owns.
///
/// # Safety
/// Unless null or misaligned, `pointer` is to a `T` that nobody writes during the reference's life.
pub(crate) unsafe fn shared<'a, T>(pointer: *const T) -> Result<&'a T, siskin_status> {
    Area::of(pointer, 1)?;
    // SAFETY: not null and aligned, as just checked; the rest is the caller's promise.
    Ok(unsafe { &*pointer })
}

/// Puts a value where C wants it.
///
/// # Safety
/// Unless null or misaligned, `pointer` is to memory for a `T`.
pub(crate) unsafe fn put<T>(pointer: *mut T, value: T) -> Result<(), siskin_status> {
    Area::of(pointer, 1)?;
    // SAFETY: not null and aligned, as just checked; the rest is the caller's promise.
    unsafe { pointer.write(value) };
    Ok(())
}

/// Elements that C lends to read.
///
/// # Safety
/// Unless this refuses them, `pointer` is to `count` initialised elements that nobody writes during the slice's life.
pub(crate) unsafe fn elements<'a, T>(pointer: *const T, count: usize) -> Result<&'a [T], siskin_status> {
    Area::of(pointer, count)?;
    if count == 0 {
        return Ok(&[]);
    }
    // SAFETY: not null, aligned and no longer than `isize`, as just checked; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(pointer, count) })
}

/// Elements that C lends to write. None of them gives an empty slice that is aligned for anything.
///
/// # Safety
/// Unless this refuses them, `pointer` is to `count` initialised elements that nobody else uses during the slice's life.
pub(crate) unsafe fn elements_mut<'a, T>(pointer: *mut T, count: usize) -> Result<&'a mut [T], siskin_status> {
    #[repr(align(64))]
    struct Aligned;
    Area::of(pointer, count)?;
    let start = if count == 0 { core::ptr::NonNull::<Aligned>::dangling().as_ptr().cast() } else { pointer };
    // SAFETY: not null, aligned and no longer than `isize`, as just checked; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts_mut(start, count) })
}
