//! Numpy's `.npz`: a zip archive with one `NAME.npy` for each array.
//!
//! Archives of `numpy.savez` and `numpy.savez_compressed` are read. What is written is deflated and
//! carries the zip format's earliest date, so that equal arrays give equal bytes.
//!
//! What is absent: members that are no arrays are passed over; encrypted members and methods of
//! compression that numpy does not write are refused.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::npy::{read_array, write_array};
use super::{Array, DataError, Place, atomic};

const EXTENSION: &str = ".npy";

/// An archive on disk.
pub(crate) type Archive = ZipArchive<BufReader<File>>;

/// Reads every array in an `.npz` file with its name, in the file's order.
///
/// # Errors
/// [`DataError`] naming the file and the array: the file is missing, no zip archive, or damaged; an
/// array is truncated or does not hold numbers.
pub fn read_npz(path: impl AsRef<Path>) -> Result<Vec<(String, Array)>, DataError> {
    let path = path.as_ref();
    let mut archive = open(path)?;
    let names = names(&archive);
    let read = |name: String| {
        let place = Place::member(path, &name);
        let mut member = member(&mut archive, &place)?;
        let array = read_array(&mut member, &place)?;
        // The checksum is compared at the member's end.
        io::copy(&mut member, &mut io::sink()).map_err(|e| DataError::read(&place, e))?;
        Ok((name, array))
    };
    names.into_iter().map(read).collect()
}

/// Writes named arrays as an `.npz` file, which appears whole or not at all.
///
/// # Errors
/// [`DataError::Write`] naming the file, also if two names are equal or an array's shape and length differ.
pub fn write_npz(path: impl AsRef<Path>, arrays: &[(String, Array)]) -> Result<(), DataError> {
    atomic::write(path, |w| {
        let mut archive = ZipWriter::new_stream(w);
        for (name, array) in arrays {
            let large = array.data.as_bytes().len() >= (u32::MAX / 2) as usize;
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .last_modified_time(DateTime::default())
                .unix_permissions(0o644)
                .large_file(large);
            archive.start_file(format!("{name}{EXTENSION}"), options)?;
            write_array(&mut archive, array)?;
        }
        archive.finish()?;
        Ok(())
    })
}

/// Opens the archive at `path`.
pub(crate) fn open(path: &Path) -> Result<Archive, DataError> {
    let place = Place::file(path);
    let read_error = |e| DataError::read(&place, e);
    let mut file = BufReader::new(File::open(path).map_err(read_error)?);
    let mut start = Vec::new();
    (&mut file).take(2).read_to_end(&mut start).map_err(read_error)?;
    file.rewind().map_err(read_error)?;
    if start != b"PK" {
        return Err(DataError::NotNpz(path.to_owned()));
    }
    ZipArchive::new(file).map_err(|e| zip_error(&place, e))
}

/// The names of the arrays, in the file's order.
pub(crate) fn names(archive: &Archive) -> Vec<String> {
    archive.file_names().filter_map(|name| name.strip_suffix(EXTENSION)).map(str::to_owned).collect()
}

/// The array that `place` names, decompressed as it is read.
pub(crate) fn member<'a>(archive: &'a mut Archive, place: &Place) -> Result<ZipFile<'a, BufReader<File>>, DataError> {
    let name = place.array.as_deref().unwrap_or_default();
    archive.by_name(&format!("{name}{EXTENSION}")).map_err(|e| zip_error(place, e))
}

fn zip_error(place: &Place, e: ZipError) -> DataError {
    match e {
        ZipError::Io(e) => DataError::read(place, e),
        e => DataError::damaged(place, e.to_string()),
    }
}
