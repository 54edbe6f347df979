//! Any bytes, as they are and with the head of a packed artifact: unpacked or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use siskin::format::{Contexts, PACKED_MAGIC, unpack, unpacked_len};

/// Longer artifacts are only slower to fuzz.
const MOST: usize = 1 << 14;

fuzz_target!(|data: &[u8]| {
    let mut out = [0; MOST];
    let headed = [&PACKED_MAGIC[..], &(data.len() as u32 * 2).to_le_bytes(), data].concat();
    for bytes in [data, &headed] {
        if let Ok(file) = unpack(bytes, &mut Contexts::new(), &mut out) {
            assert_eq!(unpacked_len(bytes), Ok(file.len()));
        }
    }
});
