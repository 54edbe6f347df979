//! What is packed comes back, and nothing else does harm.
#![cfg(feature = "write")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use super::*;
use crate::Prng;
use alloc::vec::Vec;

const ALL: [Numbers; 10] = [
    Numbers::Bytes,
    Numbers::Codes1,
    Numbers::Codes2,
    Numbers::Codes3,
    Numbers::Codes4,
    Numbers::Weights,
    Numbers::Words,
    Numbers::Integers,
    Numbers::Records,
    Numbers::Halves,
];

fn unpacked(packed: &[u8]) -> Result<Vec<u8>, FormatError> {
    let mut out = alloc::vec![0xAA; unpacked_len(packed)?.min(1 << 16)];
    unpack(packed, &mut Contexts::new(), &mut out).map(|o| o.to_vec())
}

/// Bytes that are skewed, as weights are, or all of one value, and segments of any lengths and kinds.
fn drawn(seed: u64) -> (Vec<u8>, Vec<Segment>) {
    let mut random = Prng::new(seed);
    let (mut file, mut segments) = (Vec::new(), Vec::new());
    for _ in 0..random.next_u64() % 12 {
        let (numbers, bytes) = (ALL[random.next_u64() as usize % 10], random.next_u64() as usize % 700);
        let mask = [0xFF, 0x11, 0x03, 0x00][random.next_u64() as usize % 4];
        let flip = random.next_u64() as u8;
        file.extend((0..bytes).map(|_| random.next_u64() as u8 & mask ^ flip));
        segments.push(Segment { numbers, bytes });
    }
    (file, segments)
}

#[test]
fn every_model_gives_back_what_it_got() {
    for seed in 0..400 {
        let (file, segments) = drawn(seed);
        let (packed, sizes) = pack(&file, &segments).unwrap();
        assert_eq!(unpacked(&packed).as_ref(), Ok(&file), "seed {seed}");
        assert_eq!(sizes.len(), segments.len());
        assert!(sizes.iter().sum::<usize>() <= packed.len());
    }
}

/// Carries run through bytes of 255 where odds are extreme for long and then broken.
#[test]
fn rare_bits_carry() {
    for seed in 0..200 {
        let mut random = Prng::new(seed);
        let file: Vec<u8> = (0..4000).map(|_| if random.next_u64().is_multiple_of(97) { 0xFF } else { 0 }).collect();
        let (packed, _) = pack(&file, &[Segment { numbers: Numbers::Bytes, bytes: file.len() }]).unwrap();
        assert_eq!(unpacked(&packed).as_ref(), Ok(&file));
        assert!(packed.len() < 800, "{}", packed.len());
    }
}

/// 2-bit codes with odds of 1/2, 1/4, 1/8 and 1/8 have 1.75 bits; learning them costs some bytes.
#[test]
fn codes_take_their_entropy() {
    let mut random = Prng::new(7);
    let symbols: Vec<u8> = (0..16384).map(|_| [0u8, 0, 0, 0, 1, 1, 2, 3][random.next_u64() as usize % 8]).collect();
    let file: Vec<u8> = symbols.chunks(4).map(|s| s.iter().rev().fold(0, |byte, code| byte << 2 | code)).collect();
    let (packed, _) = pack(&file, &[Segment { numbers: Numbers::Codes2, bytes: file.len() }]).unwrap();
    let entropy = symbols.len() * 7 / 4 / 8;
    assert!(packed.len() < entropy + entropy / 33, "{} for {entropy}", packed.len());
}

#[test]
fn what_is_cut_or_longer_is_refused() {
    let (file, segments) = drawn(3);
    let (packed, _) = pack(&file, &segments).unwrap();
    for len in 0..packed.len() {
        assert!(unpacked(&packed[..len]).is_err(), "{len} bytes");
    }
    assert_eq!(unpacked(&[&packed[..], &[0]].concat()), Err(FormatError::Length));
    let mut short = alloc::vec![0; file.len() - 1];
    assert_eq!(unpack(&packed, &mut Contexts::new(), &mut short).map(|o| o.len()), Err(FormatError::Length));
}

#[test]
fn any_bytes_are_answered() {
    for seed in 0..3000 {
        let (file, segments) = drawn(seed);
        let (mut packed, _) = pack(&file, &segments).unwrap();
        let mut random = Prng::new(!seed);
        for _ in 0..1 + random.next_u64() % 6 {
            // The head and the segments are few bytes: half of the hits are theirs.
            let reach = if random.next_u64().is_multiple_of(2) { packed.len() } else { packed.len().min(32) };
            packed[random.next_u64() as usize % reach] = random.next_u64() as u8;
        }
        let _ = unpacked(&packed);
    }
}
