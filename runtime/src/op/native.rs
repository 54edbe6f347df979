//! The op set of the machine that runs this: every operator, with the kernels that suit its processor.
//!
//! Operators that ask no kernel are the same in every set, so only the others are compiled once more for each.

use super::{Entry, OpSet};
use crate::{Kernels, op};
use siskin_kernels::{WithKernels, best};

/// Every operator, with the fastest kernels that this processor has. Asks the processor each time: keep the answer.
#[must_use]
pub fn native() -> OpSet {
    struct Set;
    impl WithKernels for Set {
        type Output = OpSet;

        fn with<K: Kernels>(self) -> OpSet {
            op::accelerated::<K>()
        }
    }
    best(Set)
}

/// The operators whose kernels differ from set to set.
pub(super) const fn entries<K: Kernels>() -> &'static [&'static Entry] {
    macro_rules! list {
        ($($op:ident),* $(,)?) => { &[$(&Entry::of::<op::$op, K>()),*] };
    }
    struct List<K>(core::marker::PhantomData<K>);
    impl<K: Kernels> List<K> {
        const ENTRIES: &'static [&'static Entry] = list![
            AveragePool,
            Clip,
            Conv,
            ConvTranspose,
            Erf,
            Exp,
            Gelu,
            Gru,
            HardSigmoid,
            HardSwish,
            LayerNormalization,
            LeakyRelu,
            LogSoftmax,
            Lstm,
            Lut,
            MatMul,
            MaxPool,
            QLinearAdd,
            QLinearAveragePool,
            QLinearBatchMatMul,
            QLinearConv,
            QLinearConvTranspose,
            QLinearDepthwiseConv,
            QLinearMatMul,
            QLinearMul,
            QLinearSoftmax,
            RMSNormalization,
            Relu,
            Rnn,
            Sigmoid,
            Softmax,
            Sqrt,
            Tanh,
        ];
    }
    List::<K>::ENTRIES
}

/// `all` with those of `others` in the places of the same code.
pub(super) const fn replaced<const N: usize>(
    mut all: [&'static Entry; N],
    others: &[&'static Entry],
) -> [&'static Entry; N] {
    let mut rest: &mut [&'static Entry] = &mut all;
    while let [entry, more @ ..] = rest {
        let mut left = others;
        while let [other, later @ ..] = left {
            if entry.code.0 == other.code.0 {
                *entry = *other;
            }
            left = later;
        }
        rest = more;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Generic;

    #[test]
    fn a_set_has_every_operator_in_its_place() {
        let (all, native) = (op::all::<Generic>(), native());
        assert!(all.0.iter().map(|e| e.code).eq(native.0.iter().map(|e| e.code)));
        for entry in entries::<Generic>() {
            assert!(native.get(entry.code).is_some_and(|e| e.name == entry.name));
        }
    }
}
