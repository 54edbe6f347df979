//! Inputs and outputs: what they are, where their bytes lie, and as floats.

use crate::memory::{self, Area};
use crate::session::{Live, code, edit, siskin_session, view};
use crate::siskin_status;
use core::ffi::{c_char, c_void};
use siskin::{DType, MAX_RANK, Port};

/// The most axes that a shape has.
pub const SISKIN_MAX_RANK: usize = 8;
const _: () = assert!(SISKIN_MAX_RANK == MAX_RANK);

/// An element type. The numbers are those of the file format.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum siskin_dtype {
    /// float
    F32 = 1,
    /// IEEE 754 binary16
    F16 = 2,
    /// double
    F64 = 3,
    /// int8_t
    I8 = 4,
    /// uint8_t
    U8 = 5,
    /// int16_t
    I16 = 6,
    /// uint16_t
    U16 = 7,
    /// int32_t
    I32 = 8,
    /// uint32_t
    U32 = 9,
    /// int64_t
    I64 = 10,
    /// uint64_t
    U64 = 11,
    /// One byte, 0 or 1
    Bool = 12,
}

/// An input or output of a model.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct siskin_port {
    /// The name in the source model: UTF-8, not NUL-terminated, in the model's bytes.
    pub name: *const c_char,
    /// Bytes of the name.
    pub name_bytes: usize,
    /// The lengths of the axes, outermost first; 1 beyond the last.
    pub shape: [u32; SISKIN_MAX_RANK],
    /// The number of axes.
    pub rank: u32,
    /// The number of elements.
    pub elements: u32,
    /// Bytes of all elements.
    pub bytes: u32,
    /// The element type of the bytes that siskin_input and siskin_output point at.
    pub dtype: siskin_dtype,
    /// The element type in the source model. SISKIN_DTYPE_F32 over integers: siskin_write_f32 and siskin_read_f32 convert.
    pub outer: siskin_dtype,
    /// Real value = (integer - zero_point) * scale, if dtype and outer differ.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i32,
}

impl siskin_port {
    fn of(port: &Port<'_>) -> siskin_port {
        let mut shape = [1; SISKIN_MAX_RANK];
        for (to, &from) in shape.iter_mut().zip(port.shape.dims()) {
            *to = from;
        }
        let elements = u32::try_from(port.shape.elements()).unwrap_or(u32::MAX);
        siskin_port {
            name: port.name.as_ptr().cast(),
            name_bytes: port.name.len(),
            shape,
            rank: port.shape.rank() as u32,
            elements,
            bytes: elements.saturating_mul(port.dtype.size()),
            dtype: dtype(port.dtype),
            outer: dtype(port.outer),
            scale: port.scale,
            zero_point: port.zero_point,
        }
    }
}

fn dtype(dtype: DType) -> siskin_dtype {
    match dtype {
        DType::F16 => siskin_dtype::F16,
        DType::F64 => siskin_dtype::F64,
        DType::I8 => siskin_dtype::I8,
        DType::U8 => siskin_dtype::U8,
        DType::I16 => siskin_dtype::I16,
        DType::U16 => siskin_dtype::U16,
        DType::I32 => siskin_dtype::I32,
        DType::U32 => siskin_dtype::U32,
        DType::I64 => siskin_dtype::I64,
        DType::U64 => siskin_dtype::U64,
        DType::Bool => siskin_dtype::Bool,
        _ => siskin_dtype::F32,
    }
}

/// The number of inputs; 0 for a session that is not initialised.
///
/// # Safety
/// As siskin_run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_input_count(session: *const siskin_session) -> usize {
    // SAFETY: the caller's promise.
    unsafe { view(session, |live, _| Ok(live.model().inputs().count())) }.unwrap_or(0)
}

/// The number of outputs; 0 for a session that is not initialised.
///
/// # Safety
/// As siskin_run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_output_count(session: *const siskin_session) -> usize {
    // SAFETY: the caller's promise.
    unsafe { view(session, |live, _| Ok(live.model().outputs().count())) }.unwrap_or(0)
}

/// Describes input `index`.
///
/// # Safety
/// As siskin_run; `port` is to memory for a siskin_port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_input_port(
    session: *const siskin_session,
    index: usize,
    port: *mut siskin_port,
) -> siskin_status {
    // SAFETY: the caller's promise.
    unsafe { describe(session, port, |live| live.model().inputs().nth(index)) }
}

/// Describes output `index`.
///
/// # Safety
/// As siskin_run; `port` is to memory for a siskin_port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_output_port(
    session: *const siskin_session,
    index: usize,
    port: *mut siskin_port,
) -> siskin_status {
    // SAFETY: the caller's promise.
    unsafe { describe(session, port, |live| live.model().outputs().nth(index)) }
}

/// # Safety
/// As siskin_run; `to` is to memory for a siskin_port.
unsafe fn describe(
    session: *const siskin_session,
    to: *mut siskin_port,
    find: impl FnOnce(&Live) -> Option<Port<'static>>,
) -> siskin_status {
    // SAFETY: the caller's promise.
    let port = unsafe { view(session, |live, _| find(live).ok_or(siskin_status::NoPort)) };
    // SAFETY: the caller's promise.
    code(port.and_then(|port| unsafe { memory::put(to, siskin_port::of(&port)) }))
}

/// Where the elements of input `index` lie in the arena, to be filled before each run: a run may write over them.
/// The place stays the same for the session's life.
///
/// # Safety
/// As siskin_run; `data` and `bytes` are to memory for their types.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_input(
    session: *mut siskin_session,
    index: usize,
    data: *mut *mut c_void,
    bytes: *mut usize,
) -> siskin_status {
    // SAFETY: the caller's promise, here and below.
    let found = unsafe {
        edit(session, |live, session| {
            let input = session.input_bytes(index)?;
            Ok((live.writable(input.as_ptr()), input.len()))
        })
    };
    // SAFETY: the caller's promise.
    code(found.and_then(|(at, len)| unsafe { memory::put(data, at.cast()).and(memory::put(bytes, len)) }))
}

/// Where the elements of output `index` lie, to be read between a run and the next one. The place stays the same
/// for the session's life.
///
/// # Safety
/// As siskin_run; `data` and `bytes` are to memory for their types.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_output(
    session: *const siskin_session,
    index: usize,
    data: *mut *const c_void,
    bytes: *mut usize,
) -> siskin_status {
    // SAFETY: the caller's promise, here and below.
    let found = unsafe {
        view(session, |live, session| {
            let (_, output) = session.output_bytes(index)?;
            Ok((live.readable(output.as_ptr()), output.len()))
        })
    };
    // SAFETY: the caller's promise.
    code(found.and_then(|(at, len)| unsafe { memory::put(data, at.cast()).and(memory::put(bytes, len)) }))
}

/// Writes real values to input `index`, quantized if it holds integers. `count` must be its number of elements.
///
/// # Safety
/// As siskin_run; `values` is to `count` floats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_write_f32(
    session: *mut siskin_session,
    index: usize,
    values: *const f32,
    count: usize,
) -> siskin_status {
    // SAFETY: the caller's promise, here and below.
    code(unsafe {
        edit(session, |live, session| {
            live.apart(Area::of(values, count)?)?;
            Ok(session.write_f32(index, memory::elements(values, count)?)?)
        })
    })
}

/// Reads output `index` as real values, dequantized if it holds integers. `count` must be its number of elements.
///
/// # Safety
/// As siskin_run; `values` is to memory for `count` floats, which need not be initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siskin_read_f32(
    session: *const siskin_session,
    index: usize,
    values: *mut f32,
    count: usize,
) -> siskin_status {
    // SAFETY: the caller's promise, here and below.
    code(unsafe {
        view(session, |live, session| {
            live.apart(Area::of(values, count)?)?;
            Ok(session.read_f32(index, memory::elements_mut(values, count)?)?)
        })
    })
}
