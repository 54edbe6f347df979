//! One operator on slices.

use siskin::attrs::Attrs;
use siskin::{DType, Entry, Generic, Io, MAX_OUTPUTS, Op, Operands, Refusal, Sig, TypeRef, Values};

/// An operand: its shape and its elements.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand<'a> {
    I8(&'a [u32], &'a [i8]),
    I32(&'a [u32], &'a [i32]),
    F32(&'a [u32], &'a [f32]),
}

impl<'a> Operand<'a> {
    fn ty(&self) -> TypeRef<'a> {
        let (dtype, shape) = match *self {
            Operand::I8(dims, _) => (DType::I8, dims),
            Operand::I32(dims, _) => (DType::I32, dims),
            Operand::F32(dims, _) => (DType::F32, dims),
        };
        TypeRef { dtype, shape }
    }

    fn bytes(&self) -> &'a [u8] {
        match self {
            Operand::I8(_, v) => bytemuck::cast_slice(v),
            Operand::I32(_, v) => bytemuck::cast_slice(v),
            Operand::F32(_, v) => bytemuck::cast_slice(v),
        }
    }
}

struct Inputs<'a>(&'a [Operand<'a>], Option<usize>);

impl Operands for Inputs<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        self.0.get(i).map(Operand::ty)
    }
}

impl<'a> Values<'a> for Inputs<'a> {
    fn bytes(&self, i: usize) -> Option<&'a [u8]> {
        self.0.get(i).filter(|_| self.1 != Some(i)).map(Operand::bytes)
    }
}

/// What an operator answers: the shape and the elements of its output.
pub(crate) type Answer = Result<(Vec<u32>, Vec<i8>), Refusal>;

/// Runs an operator with attributes in text form.
pub(crate) fn run<O: Op>(attrs: &str, inputs: &[Operand<'_>]) -> Answer {
    run_words(&Entry::of::<O, Generic>(), &words::<O>(attrs), inputs, None)
}

/// The same, with the output taking over this input.
pub(crate) fn run_in_place<O: Op>(attrs: &str, inputs: &[Operand<'_>], taken: usize) -> Answer {
    let (entry, words) = (Entry::of::<O, Generic>(), words::<O>(attrs));
    assert!(entry.in_place(&words, &Sig(&Inputs(inputs, None)), taken));
    run_words(&entry, &words, inputs, Some(taken))
}

/// Multiply-accumulates.
pub(crate) fn macs<O: Op>(attrs: &str, inputs: &[Operand<'_>]) -> u64 {
    Entry::of::<O, Generic>().macs(&words::<O>(attrs), &Sig(&Inputs(inputs, None)))
}

pub(crate) fn run_words(entry: &Entry, words: &[u32], inputs: &[Operand<'_>], taken: Option<usize>) -> Answer {
    let ty = entry.infer(words, &Sig(&Inputs(inputs, None)))?.types().next().unwrap();
    assert_eq!(ty.dtype, DType::I8);
    let mut y = match taken {
        Some(i) => inputs[i].bytes().to_vec(),
        None => vec![0x55; ty.shape.elements()],
    };
    assert_eq!(y.len(), ty.shape.elements());
    let mut outputs = [const { None }; MAX_OUTPUTS];
    outputs[0] = Some((ty.view(), &mut y[..]));
    entry.run(words, &mut Io::new(&Inputs(inputs, taken), outputs, &mut [], taken));
    Ok((ty.shape.dims().to_vec(), bytemuck::cast_slice(&y).to_vec()))
}

fn words<O: Op>(attrs: &str) -> Vec<u32> {
    let mut words = vec![];
    O::Attrs::parse(attrs).unwrap_or_else(|| panic!("{}: {attrs}", O::NAME)).write(&mut |w| words.push(w));
    words
}
