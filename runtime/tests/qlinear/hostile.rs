//! Attributes and shapes that nobody would write: refused, or run without a panic and within the output.

use crate::operators::{Operand, run_words};
use siskin::{DType, Entry, Generic, Operands, Shape, Sig, Type, TypeRef, op};

/// What the words of an operator's attributes hold.
#[derive(Clone, Copy)]
enum Kind {
    Bytes,
    Number,
    Real,
    Bool,
}

use Kind::{Bool, Bytes, Number, Real};

/// An operator, its attributes, and inputs that it accepts: `b` for i8, `i` for i32, `f` for f32.
type Operator = (&'static str, &'static [Kind], &'static [(char, &'static [u32])]);

const OPERATORS: [Operator; 10] = [
    (
        "QLinearConv",
        &[Bytes, Bytes, Bytes, Number],
        &[('b', &[1, 3, 4, 2]), ('b', &[2, 2, 2, 2]), ('i', &[2]), ('f', &[2])],
    ),
    (
        "QLinearDepthwiseConv",
        &[Bytes, Bytes, Bytes],
        &[('b', &[1, 3, 4, 2]), ('b', &[2, 2, 2]), ('i', &[2]), ('f', &[2])],
    ),
    ("QLinearMatMul", &[Bytes], &[('b', &[3, 2]), ('b', &[2, 2]), ('i', &[2]), ('f', &[2])]),
    ("QLinearBatchMatMul", &[Bytes, Real, Bool], &[('b', &[3, 1, 2, 2]), ('b', &[2, 2, 2])]),
    ("QLinearAdd", &[Real, Real, Real, Bytes, Bytes], &[('b', &[2, 1, 3]), ('b', &[3, 3])]),
    ("QLinearMul", &[Real, Real, Real, Bytes, Bytes], &[('b', &[2, 1, 3]), ('b', &[3, 3])]),
    ("QLinearAveragePool", &[Bytes, Bytes, Bytes, Bytes, Real, Bool], &[('b', &[1, 3, 4, 2])]),
    ("QLinearSoftmax", &[Real, Bytes], &[('b', &[2, 3]), ('f', &[8])]),
    ("Lut", &[], &[('b', &[2, 3]), ('b', &[256])]),
    (
        "QLinearConvTranspose",
        &[Bytes, Bytes, Bytes, Bytes],
        &[('b', &[1, 3, 4, 2]), ('b', &[2, 2, 2, 2]), ('i', &[2]), ('f', &[2])],
    ),
];

fn entry(name: &str) -> &'static Entry {
    op::all::<Generic>().by_name(name).unwrap()
}

#[test]
fn hostile_records_are_refused_or_harmless() {
    let mut random = Random(7);
    let (bytes, ints) = (random.list(5000), vec![i32::MAX; 5000]);
    let reals = [1e-3, f32::NAN, -1e38, f32::INFINITY].repeat(1250);
    for (name, kinds, inputs) in OPERATORS {
        let mut ran = 0;
        for _ in 0..20_000 {
            let words: Vec<u32> = kinds.iter().map(|&kind| random.word(kind)).collect();
            let dims: Vec<_> = inputs.iter().map(|(_, dims)| random.bend(dims, &[0, 1, 1, 2, 3, 5])).collect();
            let operands: Vec<Operand<'_>> = inputs
                .iter()
                .zip(&dims)
                .map(|((kind, _), dims)| {
                    let len = dims.iter().product::<u32>() as usize;
                    match kind {
                        'b' => Operand::I8(dims, &bytes[..len]),
                        'i' => Operand::I32(dims, &ints[..len]),
                        _ => Operand::F32(dims, &reals[..len]),
                    }
                })
                .collect();
            ran += u32::from(run_words(entry(name), &words, &operands, None).is_ok());
        }
        assert!(ran > 50, "{name}: only {ran} records were accepted");
    }
}

/// Types that no file could hold: the rule answers without overflow.
#[test]
fn absurd_types_are_answered() {
    let mut random = Random(8);
    for (name, kinds, inputs) in OPERATORS {
        for _ in 0..20_000 {
            let words: Vec<u32> = kinds.iter().map(|&kind| random.word(kind)).collect();
            let types: Vec<Type> = inputs
                .iter()
                .map(|(kind, dims)| {
                    let dtype = [('b', DType::I8), ('i', DType::I32), ('f', DType::F32)]
                        .iter()
                        .find(|(k, _)| k == kind)
                        .unwrap()
                        .1;
                    let dims = random.bend(dims, &[1, 2, 255, 65_536, 1 << 31, u32::MAX]);
                    Type::new(dtype, Shape::new(&dims).unwrap())
                })
                .collect();
            let _ = entry(name).infer(&words, &Sig(&Types(&types)));
            let _ = entry(name).macs(&words, &Sig(&Types(&types)));
        }
    }
}

struct Types<'a>(&'a [Type]);

impl Operands for Types<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        self.0.get(i).map(Type::view)
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn list(&mut self, n: usize) -> Vec<i8> {
        (0..n).map(|_| self.below(256) as i8).collect()
    }

    fn word(&mut self, kind: Kind) -> u32 {
        match kind {
            Bytes => u32::from_le_bytes([(); 4].map(|()| self.pick(&[0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 255]))),
            Number => self.pick(&[0, 1, 1, 2, 3, u32::MAX]),
            Real => self.pick(&[0.0, 1.0, 0.01, 0.1, 1e-30, 1e30, f32::NAN, f32::INFINITY, -1.0]).to_bits(),
            Bool => self.pick(&[0, 1, 1, 2]),
        }
    }

    /// These dimensions, some of them replaced, one of them now and then dropped or doubled.
    fn bend(&mut self, dims: &[u32], by: &[u32]) -> Vec<u32> {
        let mut dims: Vec<u32> = dims.iter().map(|&d| if self.below(8) == 0 { self.pick(by) } else { d }).collect();
        match self.below(32) {
            0 => drop(dims.pop()),
            1 => dims.push(self.pick(by)),
            _ => {}
        }
        dims
    }
}
