//! Numpy's `.npy`: a header in Python's notation, then the elements.
//!
//! ```text
//! \x93NUMPY  major minor  length  {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n  data
//!     6        1     1    2 or 4                     padded to 64 bytes
//! ```
//!
//! Source: numpy's `numpy.lib.format`, versions 1.0 to 3.0. Both byte orders and both element orders
//! are read; what is written is little-endian, in C order and equal to numpy's own bytes.
//!
//! What is absent: pickled objects, structured types, text, dates and complex numbers.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use super::array::elements;
use super::{Array, DType, DataError, Place, atomic};

const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read: far more than any array of numbers needs.
const MAX_HEADER: usize = 1 << 16;

/// Reads the array in an `.npy` file.
///
/// # Errors
/// [`DataError`] naming the file: it is missing, truncated, no `.npy`, or does not hold numbers.
pub fn read_npy(path: impl AsRef<Path>) -> Result<Array, DataError> {
    let place = Place::file(path.as_ref());
    let file = File::open(path).map_err(|e| DataError::read(&place, e))?;
    read_array(&mut BufReader::new(file), &place)
}

/// Writes `array` as an `.npy` file, which appears whole or not at all.
///
/// # Errors
/// [`DataError::Write`] naming the file, also if the array's shape and length differ.
pub fn write_npy(path: impl AsRef<Path>, array: &Array) -> Result<(), DataError> {
    atomic::write(path, |w| write_array(w, array))
}

/// What precedes the elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: DType,
    big_endian: bool,
    fortran_order: bool,
    /// The header's own length in the file.
    pub(crate) size: usize,
}

impl Header {
    /// Reads a header, leaving `reader` at the first element.
    pub(crate) fn read(reader: &mut dyn Read, place: &Place) -> Result<Self, DataError> {
        let (text, size) = read_text(reader, place)?;
        let bad = || DataError::damaged(place, format!("its header is {:?}", text.trim_end()));

        let descr = after_key(&text, "descr").ok_or_else(bad)?;
        let (big_endian, dtype) = parse_descr(descr).map_err(|dtype| DataError::DType {
            place: place.clone(),
            dtype,
            expected: "plain real numbers",
        })?;
        let order = after_key(&text, "fortran_order").ok_or_else(bad)?;
        let fortran_order = order.starts_with("True");
        if !fortran_order && !order.starts_with("False") {
            return Err(bad());
        }
        let shape = after_key(&text, "shape").and_then(parse_shape).ok_or_else(bad)?;
        let header = Self { shape, dtype, big_endian, fortran_order, size };
        header.data_size().ok_or_else(bad)?;
        Ok(header)
    }

    /// The size of all elements in bytes, or `None` if it exceeds `usize`.
    fn data_size(&self) -> Option<usize> {
        elements(&self.shape)?.checked_mul(self.dtype.size())
    }

    /// The size of header and elements in bytes.
    pub(crate) fn file_size(&self) -> u64 {
        // `read` has proved that the data's size exists; the sum of two sizes of a file fits.
        self.data_size().map_or(u64::MAX, |n| (n as u64).saturating_add(self.size as u64))
    }

    /// Whether neighbours in memory differ in the first axis, so that no sample is contiguous.
    pub(crate) fn is_scattered(&self) -> bool {
        self.fortran_order && self.shape.iter().filter(|&&d| d > 1).count() > 1
    }

    /// The elements in `bytes`, in the file's order; `bytes` are put in this machine's order.
    pub(crate) fn decode(&self, bytes: &mut [u8]) -> super::ArrayData {
        if self.big_endian != cfg!(target_endian = "big") {
            bytes.chunks_exact_mut(self.dtype.size()).for_each(<[u8]>::reverse);
        }
        self.dtype.decode(bytes)
    }
}

/// The array in `reader`; what follows it is left unread.
pub(crate) fn read_array(reader: &mut dyn Read, place: &Place) -> Result<Array, DataError> {
    let header = Header::read(reader, place)?;
    let size = header.data_size().unwrap_or(usize::MAX);
    let mut bytes = read_bytes(reader, size, place)?;
    let data = header.decode(&mut bytes);
    let data = if header.is_scattered() { data.pick(c_order(&header.shape)) } else { data };
    Ok(Array { shape: header.shape, data })
}

/// Exactly `size` bytes. Memory grows with the bytes that are there, not with what a header promises.
pub(crate) fn read_bytes(reader: &mut dyn Read, size: usize, place: &Place) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::with_capacity(size.min(1 << 20));
    reader.take(size as u64).read_to_end(&mut bytes).map_err(|e| DataError::read(place, e))?;
    if bytes.len() < size {
        let reason = format!("{size} bytes should follow, but only {} do", bytes.len());
        return Err(DataError::damaged(place, reason));
    }
    Ok(bytes)
}

/// Writes `array` with numpy's header of version 1.0.
pub(crate) fn write_array(w: &mut dyn Write, array: &Array) -> io::Result<()> {
    let Array { shape, data } = array;
    if elements(shape) != Some(data.len()) {
        let reason = format!("an array of shape {shape:?} cannot have {} elements", data.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    w.write_all(&header_bytes(shape, data.dtype())?)?;
    let size = data.dtype().size();
    if cfg!(target_endian = "little") || size == 1 {
        return w.write_all(data.as_bytes());
    }
    data.as_bytes().chunks_exact(size).try_for_each(|element| {
        let mut element = element.to_vec();
        element.reverse();
        w.write_all(&element)
    })
}

fn header_bytes(shape: &[usize], dtype: DType) -> io::Result<Vec<u8>> {
    let order = if dtype.size() == 1 { '|' } else { '<' };
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if axes.len() == 1 { "," } else { "" };
    let dict = format!(
        "{{'descr': '{order}{}', 'fortran_order': False, 'shape': ({}{comma}), }}",
        dtype.descr(),
        axes.join(", ")
    );
    // Numpy pads so that the data are aligned to 64 bytes; the text ends in a newline.
    let total = (MAGIC.len() + 4 + dict.len() + 1).next_multiple_of(64);
    let length = u16::try_from(total - MAGIC.len() - 4)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "it has too many axes"))?;
    let mut bytes = [MAGIC, &[1, 0], &length.to_le_bytes(), dict.as_bytes()].concat();
    bytes.resize(total - 1, b' ');
    bytes.push(b'\n');
    Ok(bytes)
}

/// The header's text, and the size of all that precedes the data.
fn read_text(reader: &mut dyn Read, place: &Place) -> Result<(String, usize), DataError> {
    let mut start = Vec::new();
    reader.take(8).read_to_end(&mut start).map_err(|e| DataError::read(place, e))?;
    let [magic @ .., major, _minor] = start.as_slice() else { return Err(DataError::NotNpy(place.clone())) };
    if magic != MAGIC {
        return Err(DataError::NotNpy(place.clone()));
    }
    let width = match major {
        1 => 2,
        2 | 3 => 4,
        _ => return Err(DataError::damaged(place, format!("npy version {major} is unknown"))),
    };
    let length = read_bytes(reader, width, place)?.iter().rev().fold(0, |n, &b| (n << 8) | usize::from(b));
    if length > MAX_HEADER {
        return Err(DataError::damaged(place, format!("its header claims to have {length} bytes")));
    }
    let text = String::from_utf8_lossy(&read_bytes(reader, length, place)?).into_owned();
    Ok((text, start.len() + width + length))
}

/// What follows `'key':`.
fn after_key<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    ['\'', '"'].iter().find_map(|quote| {
        let (_, rest) = text.split_once(&format!("{quote}{key}{quote}"))?;
        rest.trim_start().strip_prefix(':').map(str::trim_start)
    })
}

/// Byte order and type of `'<f4'` and the like, or what to call a type that is not supported.
fn parse_descr(text: &str) -> Result<(bool, DType), String> {
    let quoted = text.strip_prefix(['\'', '"']).and_then(|rest| rest.split(['\'', '"']).next());
    let Some(descr) = quoted else { return Err("structured elements".to_owned()) };
    let (big_endian, name) = match descr.split_at_checked(1) {
        Some((">", name)) => (true, name),
        Some(("<" | "|", name)) => (false, name),
        Some(("=", name)) => (cfg!(target_endian = "big"), name),
        _ => (false, descr),
    };
    DType::from_descr(name).map(|dtype| (big_endian, dtype)).ok_or_else(|| {
        let kind = match name.chars().next() {
            Some('O') => "pickled objects",
            Some('S' | 'a' | 'U') => "text",
            Some('c') => "complex numbers",
            Some('M' | 'm') => "dates or times",
            Some('V') => "structured elements",
            Some('f') => "extended floats",
            _ => "elements of an unknown type",
        };
        format!("{kind} ('{descr}')")
    })
}

/// The axes in `(2, 3)`; Python 2 wrote `(2L, 3L)`.
fn parse_shape(text: &str) -> Option<Vec<usize>> {
    let (axes, _) = text.strip_prefix('(')?.split_once(')')?;
    let axes = axes.trim().trim_end_matches(',');
    if axes.is_empty() {
        return Some(Vec::new());
    }
    axes.split(',').map(|d| d.trim().trim_end_matches('L').parse().ok()).collect()
}

/// The position in Fortran order of each element in C order.
fn c_order(shape: &[usize]) -> impl Iterator<Item = usize> {
    let count = elements(shape).unwrap_or(0);
    (0..count).map(move |index| {
        // Both orders number the same coordinates; peel them off the last axis, the fastest in C order.
        let (mut rest, mut position, mut stride) = (index, 0, count);
        for &d in shape.iter().rev() {
            stride /= d;
            position += rest % d * stride;
            rest /= d;
        }
        position
    })
}
