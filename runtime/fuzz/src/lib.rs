//! What the fuzz targets share: aligned copies, and seals that let mutations past the checksums.

use siskin::format::{Header, MAGIC, MAJOR, Section};

/// A copy of bytes that begins where a file must.
pub struct Aligned {
    words: Vec<u128>,
    len: usize,
}

impl Aligned {
    /// Copies `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Aligned {
        let mut words = vec![0u128; bytes.len().div_ceil(16)];
        bytemuck::cast_slice_mut::<_, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Aligned { words, len: bytes.len() }
    }

    /// The copy.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

/// Makes magic, version, lengths and checksums right, so that a mutated file is refused for what it says, not for
/// its checksums. Sections that lie outside the file stay as they are.
#[must_use]
pub fn seal(bytes: &[u8]) -> Vec<u8> {
    let mut file = bytes.to_vec();
    if file.len() < Header::LEN {
        return file;
    }
    file[..8].copy_from_slice(&MAGIC);
    file[8..10].copy_from_slice(&MAJOR.to_le_bytes());
    let sections = (u32_at(&file, 12) as usize).min((file.len() - Header::LEN) / Section::LEN).min(16);
    put(&mut file, 12, sections as u32);
    let len = file.len() as u32;
    put(&mut file, 16, len);
    put(&mut file, 28, 0);
    file[32..40].fill(0);
    for i in 0..sections {
        let at = Header::LEN + i * Section::LEN;
        let (offset, len) = (u32_at(&file, at + 4) as usize, u32_at(&file, at + 8) as usize);
        if let Some(section) = offset.checked_add(len).and_then(|end| file.get(offset..end)) {
            let crc = crc32fast::hash(section);
            put(&mut file, at + 12, crc);
        }
    }
    let table = crc32fast::hash(&file[Header::LEN..Header::LEN + sections * Section::LEN]);
    put(&mut file, 56, table);
    let header = crc32fast::hash(&file[..60]);
    put(&mut file, 60, header);
    file
}

fn u32_at(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([file[at], file[at + 1], file[at + 2], file[at + 3]])
}

fn put(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
