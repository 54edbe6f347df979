//! Whatever an operator's rule accepts, its run survives: every operator on random attributes, shapes and values.
//!
//! Tests are built with overflow checks, so arithmetic that could wrap by accident fails here too.

extern crate std;

use super::Entry;
use crate::{DType, Generic, Io, MAX_OUTPUTS, Operands, Shape, Sig, Type, TypeRef, Values};
use std::{string::String, string::ToString, vec, vec::Vec};

/// Trials of each operator.
const TRIALS: usize = 10_000;

/// Marsaglia's xorshift: the same trials on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 11) as usize % n
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// Mostly small, sometimes at an edge.
    fn word(&mut self) -> u32 {
        match self.below(16) {
            0..7 => 0,
            7..11 => 1,
            11..13 => self.below(13) as u32,
            13 => (self.below(4) as u32).wrapping_neg(),
            14 => 1.0f32.to_bits(),
            _ => self.pick(&[u32::MAX >> 1, 1 << 31, 1 << 16, f32::NAN.to_bits(), 0x0101_0101]),
        }
    }

    fn ty(&mut self, before: &[Option<Operand>]) -> Type {
        // Operands often agree in type and shape.
        let like = before.iter().flatten().last().map(|o| o.ty);
        let dtype = match (self.below(4), like) {
            (0 | 1, Some(like)) => like.dtype,
            (2, _) => self.pick(&[DType::F32, DType::I64, DType::I32]),
            _ => self.pick(&DType::ALL),
        };
        let shape = match (self.below(3), like) {
            (0, Some(like)) => like.shape,
            _ => {
                let dims: Vec<u32> = (0..self.below(6)).map(|_| self.pick(&[1, 1, 2, 2, 3, 4, 5, 0])).collect();
                Shape::new(&dims).unwrap_or(Shape::SCALAR)
            }
        };
        Type::new(dtype, shape)
    }

    fn operand(&mut self, before: &[Option<Operand>]) -> Operand {
        let ty = self.ty(before);
        let mut words = vec![0u64; ty.checked_bytes().unwrap_or(0).div_ceil(8) as usize];
        for word in &mut words {
            *word = match self.below(8) {
                0 => self.next(),
                1 => u64::MAX,
                2 => 1 << 63,
                3 => u64::from(f32::NAN.to_bits()) << 32 | u64::from(f32::INFINITY.to_bits()),
                4 => u64::from(0.75f32.to_bits()) << 32 | u64::from(3.5f32.to_bits()),
                _ => self.below(6) as u64,
            };
            if ty.dtype == DType::Bool {
                *word &= 0x0101_0101_0101_0101;
            }
        }
        Operand { ty, words }
    }
}

#[derive(Clone)]
struct Operand {
    ty: Type,
    words: Vec<u64>,
}

impl Operand {
    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.ty.checked_bytes().unwrap_or(0) as usize]
    }
}

struct Inputs<'a>(&'a [Option<Operand>], Option<usize>);

impl Operands for Inputs<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        Some(self.0.get(i)?.as_ref()?.ty.view())
    }
}

impl<'a> Values<'a> for Inputs<'a> {
    fn bytes(&self, i: usize) -> Option<&'a [u8]> {
        if self.1 == Some(i) { None } else { Some(self.0.get(i)?.as_ref()?.bytes()) }
    }
}

/// The text of an operator's attributes; fails if the words are none.
struct Shown<'a>(&'a Entry, &'a [u32]);

impl core::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.show(self.1, f)
    }
}

fn readable(entry: &Entry, words: &[u32]) -> bool {
    use core::fmt::Write;
    write!(String::new(), "{}", Shown(entry, words)).is_ok()
}

/// The number of words that the operator's attributes have.
fn attr_words(entry: &Entry, random: &mut Random) -> usize {
    (0..64).find(|&n| (0..2_000).any(|_| readable(entry, &words(n, random)))).expect("attributes of at most 64 words")
}

fn words(n: usize, random: &mut Random) -> Vec<u32> {
    (0..n).map(|_| random.word()).collect()
}

/// Runs the operator if its rule accepts the operands; says whether it did.
fn trial(entry: &Entry, attrs: &[u32], operands: &[Option<Operand>]) -> bool {
    let sig = Inputs(operands, None);
    let Ok(rule) = entry.infer(attrs, &Sig(&sig)) else { return false };
    let small = |ty: Type| ty.checked_bytes().is_some_and(|b| b <= 1 << 14);
    if !rule.types().all(small) || rule.scratch > 1 << 20 {
        return false;
    }
    let _ = entry.macs(attrs, &Sig(&sig));
    let first = rule.types().next().and_then(|t| t.checked_bytes());
    let taken = (0..operands.len()).find(|&i| {
        let size = sig.ty(i).and_then(|t| t.checked_bytes());
        size == first && entry.in_place(attrs, &Sig(&sig), i)
    });
    for in_place in [None, taken] {
        let from = in_place.and_then(|i| operands[i].as_ref());
        let fresh = |ty: Type| vec![0u64; ty.checked_bytes().unwrap_or(0).div_ceil(8) as usize];
        let mut outputs: Vec<(Type, Vec<u64>)> = rule.types().map(|ty| (ty, fresh(ty))).collect();
        if let (Some(from), Some((_, to))) = (from, outputs.first_mut()) {
            to.clone_from(&from.words);
        }
        let mut scratch = vec![0u64; rule.scratch.div_ceil(8) as usize];
        let mut slots = [const { None }; MAX_OUTPUTS];
        for (slot, (ty, words)) in slots.iter_mut().zip(&mut outputs) {
            *slot = Some((ty.view(), &mut bytemuck::cast_slice_mut(words)[..ty.checked_bytes().unwrap_or(0) as usize]));
        }
        let values = Inputs(operands, in_place);
        entry.run(attrs, &mut Io::new(&values, slots, bytemuck::cast_slice_mut(&mut scratch), in_place));
    }
    true
}

#[test]
fn what_a_rule_accepts_runs() {
    let mut never = Vec::new();
    for entry in super::all::<Generic>().0 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let len = attr_words(entry, &mut random);
        let mut accepted = 0;
        for _ in 0..TRIALS {
            let mut operands: Vec<Option<Operand>> = Vec::new();
            for _ in 0..=random.below(4) {
                let operand = random.operand(&operands);
                operands.push((random.below(8) > 0).then_some(operand));
            }
            let attrs = words(len, &mut random);
            let run = std::panic::catch_unwind(|| trial(entry, &attrs, &operands));
            let types: Vec<_> = operands.iter().map(|o| o.as_ref().map(|o| o.ty)).collect();
            let Ok(ran) = run else { panic!("{}{} of {types:?}", entry.name, Shown(entry, &attrs)) };
            accepted += usize::from(ran);
        }
        if accepted == 0 {
            never.push(entry.name.to_string());
        }
    }
    // Few operators want operands so particular that none of the trials suits them.
    assert!(never.len() * 4 < super::all::<Generic>().0.len(), "never accepted: {never:?}");
}
