//! Reads an array on disk forward, one entry of its first axis at a time.
//!
//! Memory is one row. An `.npy` is read directly; a member of an `.npz` is a deflate stream, which
//! `zip` only lends out from its archive, so a thread holds the archive and sends the bytes ahead.
//!
//! What is absent: going back, and arrays in Fortran order, whose rows are scattered.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::npy::{Header, read_bytes};
use super::{ArrayData, DataError, Place, npz};

/// An array on disk whose header has been checked against the file's size.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) place: Place,
    pub(crate) header: Header,
}

impl Stored {
    /// The array in the `.npy` at `path`.
    pub(crate) fn npy(path: &Path) -> Result<Self, DataError> {
        let place = Place::file(path);
        let size = fs::metadata(path).map_err(|e| DataError::read(&place, e))?.len();
        Self::checked(place, size)
    }

    /// The array `name` of the `.npz` at `path`, which is there.
    pub(crate) fn member(path: &Path, name: &str) -> Result<Self, DataError> {
        let mut archive = npz::open(path)?;
        let place = Place::member(path, name);
        let size = npz::member(&mut archive, &place)?.size();
        Self::checked(place, size)
    }

    fn checked(place: Place, size: u64) -> Result<Self, DataError> {
        let header = Header::read(&mut open(&place)?, &place)?;
        let needed = header.file_size();
        if size < needed {
            return Err(DataError::damaged(&place, format!("it should have {needed} bytes, but has {size}")));
        }
        if header.is_scattered() {
            return Err(DataError::FortranOrder(place));
        }
        Ok(Self { place, header })
    }

    /// Reads the array as `count` rows of `row` elements each, from the start.
    pub(crate) fn rows(&self, count: usize, row: usize) -> Result<Rows<'_>, DataError> {
        let mut reader = open(&self.place)?;
        if Header::read(&mut reader, &self.place)? != self.header {
            return Err(DataError::damaged(&self.place, "it changed while it was in use"));
        }
        Ok(Rows { stored: self, reader, left: count, row })
    }
}

/// The rows of a [`Stored`] array.
pub(crate) struct Rows<'a> {
    stored: &'a Stored,
    reader: Box<dyn Read + Send>,
    left: usize,
    row: usize,
}

impl Rows<'_> {
    fn read(&mut self) -> Result<ArrayData, DataError> {
        let Stored { place, header } = self.stored;
        let mut bytes = read_bytes(&mut self.reader, self.row.saturating_mul(header.dtype.size()), place)?;
        if self.left == 0 {
            // A member's checksum is compared at its end, which nobody else reads.
            io::copy(&mut self.reader, &mut io::sink()).map_err(|e| DataError::read(place, e))?;
        }
        Ok(header.decode(&mut bytes))
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<ArrayData, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.read())
    }
}

fn open(place: &Place) -> Result<Box<dyn Read + Send>, DataError> {
    if place.array.is_some() {
        return Ok(Box::new(MemberStream::open(place).map_err(|e| DataError::read(place, e))?));
    }
    let file = File::open(&place.path).map_err(|e| DataError::read(place, e))?;
    Ok(Box::new(BufReader::new(file)))
}

/// The bytes of one member of an `.npz`. The thread that sends them ends when this is dropped.
struct MemberStream {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Cursor<Vec<u8>>,
}

impl MemberStream {
    fn open(place: &Place) -> io::Result<Self> {
        let (sender, chunks) = sync_channel(2);
        let place = place.clone();
        thread::Builder::new().name("npz".to_owned()).spawn(move || {
            if let Err(e) = send_member(&place, &sender) {
                // Nobody listens any more if this fails.
                let _ = sender.send(Err(e));
            }
        })?;
        Ok(Self { chunks, chunk: Cursor::default() })
    }
}

impl Read for MemberStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.chunk.read(buf)?;
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            match self.chunks.recv() {
                Ok(chunk) => self.chunk = Cursor::new(chunk?),
                Err(_) => return Ok(0),
            }
        }
    }
}

fn send_member(place: &Place, sender: &SyncSender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let mut archive = npz::open(&place.path).map_err(io::Error::other)?;
    let mut member = npz::member(&mut archive, place).map_err(io::Error::other)?;
    loop {
        let mut chunk = Vec::new();
        let read = (&mut member).take(1 << 16).read_to_end(&mut chunk);
        // What precedes an error is sound, so it goes first.
        let listening = sender.send(Ok(chunk)).is_ok();
        if read? == 0 || !listening {
            return Ok(());
        }
    }
}
