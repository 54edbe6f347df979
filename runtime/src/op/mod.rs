//! Operators: one file each, one line each in the list at the end.
//!
//! An operator is a rule of types, checked once when a model is parsed, and a run that relies on it. The rule
//! also serves the compiler for inference, and the run for constant folding, so that neither exists twice.
//!
//! A run is total: whatever the operands hold it neither panics nor reads out of bounds; with operands that the
//! rule accepted it computes what ONNX says.

#[cfg(feature = "pack")]
use crate::Generic;
use crate::attrs::{Attrs, Valid, check};
use crate::io::{Io, Outputs, Sig};
use crate::{Kernels, Refusal};
use core::fmt;

/// An operator's number in files: append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}", self.0)
    }
}

/// One operator.
pub trait Op {
    /// Its number in files: in shipped artifacts, never renumbered.
    const CODE: Code;
    /// Its name: ONNX's where ONNX has it.
    const NAME: &'static str;
    /// Its attributes.
    type Attrs: Attrs;

    /// The rule of types: what the outputs are, given the inputs' types and the attributes: put in `out`, which has
    /// none yet.
    ///
    /// # Errors
    /// [`Refusal::DType`], [`Refusal::Shape`] or [`Refusal::Attrs`]; the caller adds which operator refused.
    fn infer(attrs: &Self::Attrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal>;

    /// Whether output 0 may take over the bytes of input `input`. Only asked where both have equally many bytes.
    /// In a run the bytes then stand in the output already, and the input reads as empty.
    fn in_place(attrs: &Self::Attrs, sig: &Sig<'_>, input: usize) -> bool {
        let _ = (attrs, sig, input);
        false
    }

    /// Multiply-accumulates of one run: what the compiler's report and the bench count.
    fn macs(attrs: &Self::Attrs, sig: &Sig<'_>) -> u64 {
        let _ = (attrs, sig);
        0
    }

    /// Packs constants for the kernels `K` into `out`, if there is room for all; returns how many bytes they take, 0 for none.
    /// `io` has only the constants: other inputs read as empty, and there is no output. A run finds the bytes in
    /// [`Io::packed`].
    fn pack<K: Kernels>(attrs: &Self::Attrs, io: &Io<'_>, out: &mut [u8]) -> usize {
        let _ = (attrs, io, out);
        0
    }

    /// Computes the outputs.
    fn run<K: Kernels>(attrs: &Self::Attrs, io: &mut Io<'_>);
}

/// An operator as a table entry: what a program links when it names the operator.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its number in files.
    pub code: Code,
    /// Its name.
    pub name: &'static str,
    valid: &'static [Valid],
    infer: fn(&[u32], &Sig<'_>, &mut Outputs) -> Result<(), Refusal>,
    in_place: fn(&[u32], &Sig<'_>, usize) -> bool,
    macs: fn(&[u32], &Sig<'_>) -> u64,
    run: fn(&[u32], &mut Io<'_>),
    #[cfg(feature = "pack")]
    pack: fn(&[u32], &Io<'_>, &mut [u8]) -> usize,
    #[cfg(feature = "text")]
    show: fn(&[u32], &mut fmt::Formatter<'_>) -> fmt::Result,
    #[cfg(feature = "text")]
    parse: fn(&str, &mut dyn FnMut(u32)) -> Option<()>,
}

impl Entry {
    /// The entry of operator `O` with the kernels `K`.
    #[must_use]
    pub const fn of<O: Op, K: Kernels>() -> Entry {
        Entry {
            code: O::CODE,
            name: O::NAME,
            valid: O::Attrs::VALID,
            infer: |words, sig, out| O::infer(&O::Attrs::of(words), sig, out),
            in_place: |words, sig, i| O::in_place(&O::Attrs::of(words), sig, i),
            macs: |words, sig| O::macs(&O::Attrs::of(words), sig),
            run: |words, io| O::run::<K>(&O::Attrs::of(words), io),
            #[cfg(feature = "pack")]
            pack: |words, io, out| O::pack::<K>(&O::Attrs::of(words), io, out),
            #[cfg(feature = "text")]
            show: |words, f| O::Attrs::read(words).map_or(Err(fmt::Error), |a| a.show(f)),
            #[cfg(feature = "text")]
            parse: |text, put| {
                O::Attrs::parse(text)?.write(put);
                Some(())
            },
        }
    }

    /// The rule of types, see [`Op::infer`].
    ///
    /// # Errors
    /// As the operator's.
    pub fn infer(&self, attrs: &[u32], sig: &Sig<'_>) -> Result<Outputs, Refusal> {
        check(attrs, self.valid)?;
        let mut out = Outputs::none();
        (self.infer)(attrs, sig, &mut out)?;
        Ok(out)
    }

    /// Whether output 0 may take over input `input`, see [`Op::in_place`].
    #[must_use]
    pub fn in_place(&self, attrs: &[u32], sig: &Sig<'_>, input: usize) -> bool {
        check(attrs, self.valid).is_ok() && (self.in_place)(attrs, sig, input)
    }

    /// Multiply-accumulates of one run.
    #[must_use]
    pub fn macs(&self, attrs: &[u32], sig: &Sig<'_>) -> u64 {
        check(attrs, self.valid).map_or(0, |()| (self.macs)(attrs, sig))
    }

    /// Computes the outputs, see [`Op::run`].
    pub fn run(&self, attrs: &[u32], io: &mut Io<'_>) {
        if check(attrs, self.valid).is_ok() {
            (self.run)(attrs, io);
        }
    }

    /// Packs constants, see [`Op::pack`].
    #[cfg(feature = "pack")]
    pub fn pack(&self, attrs: &[u32], io: &Io<'_>, out: &mut [u8]) -> usize {
        check(attrs, self.valid).map_or(0, |()| (self.pack)(attrs, io, out))
    }

    /// Writes the attributes' text form.
    ///
    /// # Errors
    /// As the formatter's, and for words that are no attributes of this operator.
    #[cfg(feature = "text")]
    pub fn show(&self, attrs: &[u32], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.show)(attrs, f)
    }

    /// Reads the attributes' text form and hands each word to `put`; nothing if the text is malformed.
    #[cfg(feature = "text")]
    pub fn parse(&self, text: &str, put: &mut dyn FnMut(u32)) -> Option<()> {
        (self.parse)(text, put)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The operators that a program links, made by [`ops!`](crate::ops!). References, so that each entry can be a symbol
/// of its own and a linker drops the ones that no table names.
#[derive(Clone, Copy, Debug)]
pub struct OpSet(pub &'static [&'static Entry]);

impl OpSet {
    /// The entry of this code, if the program links it.
    #[must_use]
    pub fn get(&self, code: Code) -> Option<&'static Entry> {
        self.0.iter().copied().find(|e| e.code == code)
    }

    /// The entry of this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&'static Entry> {
        self.0.iter().copied().find(|e| e.name == name)
    }
}

/// Names the operators that a program links: `ops![Generic; Conv, Relu]`.
#[macro_export]
macro_rules! ops {
    ($kernels:ty; $($op:path),* $(,)?) => {
        $crate::OpSet(const { &[$(&$crate::Entry::of::<$op, $kernels>()),*] })
    };
}

/// Runs `$body` with `$t` an integer type as wide as the elements of input 0: for operators that only move elements.
#[macro_export]
#[doc(hidden)]
macro_rules! by_size {
    ($io:ident, $t:ident => $body:expr) => {
        match $io.out_ty(0).map_or(0, |t| t.dtype.size()) {
            1 => {
                type $t = u8;
                $body
            }
            2 => {
                type $t = u16;
                $body
            }
            4 => {
                type $t = u32;
                $body
            }
            8 => {
                type $t = u64;
                $body
            }
            _ => {}
        }
    };
}

macro_rules! catalogue {
    ($dollar:tt $($module:ident: $($op:ident),+;)*) => {
        $(pub mod $module; #[doc(inline)] pub use $module::*;)*

        /// Every operator, with the kernels `K`.
        #[must_use]
        pub const fn all<K: Kernels>() -> OpSet {
            struct All<K>(core::marker::PhantomData<K>);
            impl<K: Kernels> All<K> {
                const ENTRIES: &'static [&'static Entry] = &[$($(&Entry::of::<$op, K>()),+),*];
            }
            OpSet(All::<K>::ENTRIES)
        }

        /// Every operator, those that gain from it with the kernels `K`.
        #[cfg(feature = "pack")]
        const fn accelerated<K: Kernels>() -> OpSet {
            struct All<K>(core::marker::PhantomData<K>);
            impl<K: Kernels> All<K> {
                const ENTRIES: &'static [&'static Entry] = &native::replaced(
                    [$($(&Entry::of::<$op, Generic>()),+),*],
                    native::entries::<K>(),
                );
            }
            OpSet(All::<K>::ENTRIES)
        }

        /// Hands the type of every operator to a macro, separated by commas: `each_op!(declare)`.
        #[macro_export]
        macro_rules! each_op {
            ($dollar callback:ident) => { $dollar callback! { $($($op),+),* } };
        }
    };
}

#[cfg(feature = "pack")]
mod native;
mod qlinear;

#[cfg(feature = "pack")]
pub use native::native;

// The one list. A new operator adds its line: module, then the operators in it.
catalogue! { $
    activation: Clip, Elu, Gelu, HardSigmoid, HardSwish, LeakyRelu, Mish, Relu, Shrink, Sigmoid, Softplus, Softsign,
        ThresholdedRelu;
    arg: ArgMax, ArgMin;
    average_pool: AveragePool;
    batch_norm: BatchNormalization;
    binary: Add, Div, Max, Min, Mod, Mul, PRelu, Pow, Sub;
    cast: Cast;
    compare: And, BitShift, BitwiseAnd, BitwiseOr, BitwiseXor, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Or,
        Xor;
    concat: Concat;
    conv: Conv;
    conv_integer: ConvInteger;
    conv_transpose: ConvTranspose;
    cumsum: CumSum;
    deform_conv: DeformConv;
    det: Det;
    expand: Expand;
    gather: Gather, GatherElements, GatherND;
    grid_sample: GridSample;
    gru: Gru;
    identity: Identity;
    layer_norm: LayerNormalization, RMSNormalization;
    log_sum_exp: ReduceLogSumExp;
    lp_pool: LpPool;
    lrn: LRN;
    lstm: Lstm;
    lut: Lut;
    matmul: MatMul;
    matmul_any: MatMulAny;
    matmul_integer: MatMulInteger;
    max_pool: MaxPool;
    max_unpool: MaxUnpool;
    one_hot: OneHot;
    pad: Pad;
    predicate: BitwiseNot, IsInf, IsNaN, Not;
    qlinear_average_pool: QLinearAveragePool;
    qlinear_conv: QLinearConv, QLinearDepthwiseConv;
    qlinear_conv_transpose: QLinearConvTranspose;
    qlinear_elementwise: QLinearAdd, QLinearMul;
    qlinear_matmul: QLinearMatMul, QLinearBatchMatMul;
    qlinear_softmax: QLinearSoftmax;
    quantize_linear: QuantizeLinear, DequantizeLinear;
    reduce: ReduceL1, ReduceL2, ReduceLogSum, ReduceMax, ReduceMean, ReduceMin, ReduceProd, ReduceSum,
        ReduceSumSquare;
    reshape: Reshape;
    resize_axis: ResizeAxis;
    reverse_sequence: ReverseSequence;
    rnn: Rnn;
    roi_align: RoiAlign;
    scatter: ScatterElements, ScatterND;
    select: Where;
    slice: Slice;
    softmax: Softmax, LogSoftmax;
    topk: TopK;
    transpose: Transpose;
    trilu: Trilu;
    unary: Abs, Acos, Acosh, Asin, Asinh, Atan, Atanh, Ceil, Cos, Cosh, Erf, Exp, Floor, Log, Neg, Reciprocal, Round,
        Sign, Sin, Sinh, Sqrt, Tan, Tanh;
    unary_f64: UnaryF64;
    unpack_weights: UnpackWeights;
}

mod broadcast;
mod byte;
#[cfg(all(test, feature = "text"))]
mod chaos;
mod indices;
mod map;
mod number;
mod pack;
mod parallel;
mod real;
pub mod recurrent;
mod reduction;
mod types;

#[cfg(test)]
pub(crate) mod testing;
mod window;

#[cfg(test)]
mod tests {
    #[test]
    fn codes_and_names_are_unique() {
        let all = super::all::<crate::Generic>().0;
        for (i, a) in all.iter().enumerate() {
            for b in all.iter().skip(i + 1) {
                assert_ne!(a.code, b.code, "{} and {}", a.name, b.name);
                assert_ne!(a.name, b.name);
            }
        }
    }
}
