//! What attribute words can hold.

use super::{Valid, Validity};
use crate::{DType, Shape};
use core::fmt;
use siskin_format::MAX_RANK;

/// A type that attribute words can hold.
pub trait Word: Sized {
    /// The number of words, and which values are valid.
    const VALIDITY: Validity;

    /// Reads from the front of `words` and advances it. Words that are not valid, or not there, read as some value.
    fn read(words: &mut &[u32]) -> Self;

    /// Reads several.
    fn read_array<const N: usize>(words: &mut &[u32]) -> [Self; N] {
        core::array::from_fn(|_| Self::read(words))
    }

    /// Hands each word to `put`.
    fn write(&self, put: &mut dyn FnMut(u32));

    /// Writes the text form.
    ///
    /// # Errors
    /// As the formatter's.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Reads the text form from the front of `text` and advances it.
    fn parse(text: &mut &str) -> Option<Self>;
}

/// Takes a scalar off the front of a text: all up to a comma, a bracket or a space.
#[doc(hidden)]
pub fn scalar<'t>(text: &mut &'t str) -> &'t str {
    let end = text.find([',', ']', ' ']).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    *text = rest;
    word
}

/// Takes `prefix` off the front of a text.
fn expect(text: &mut &str, prefix: &str) -> Option<()> {
    *text = text.strip_prefix(prefix)?;
    Some(())
}

/// Takes the first word.
#[doc(hidden)]
#[inline(always)]
pub fn take(words: &mut &[u32]) -> u32 {
    let [first] = take_array(words);
    first
}

/// Takes the first words.
#[inline(always)]
fn take_array<const N: usize>(words: &mut &[u32]) -> [u32; N] {
    let Some((&first, rest)) = words.split_first_chunk() else { return [0; N] };
    *words = rest;
    first
}

macro_rules! plain_word {
    ($($t:ty: $valid:expr, $from:expr, $to:expr, $parse:expr $(, $array:expr)?;)*) => {$(
        impl Word for $t {
            const VALIDITY: Validity = Validity::one($valid);

            #[inline(always)]
            fn read(words: &mut &[u32]) -> Self {
                $from(take(words))
            }

            $(
                #[inline(always)]
                fn read_array<const N: usize>(words: &mut &[u32]) -> [Self; N] {
                    $array(take_array::<N>(words))
                }
            )?

            fn write(&self, put: &mut dyn FnMut(u32)) {
                put($to(*self));
            }

            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }

            fn parse(text: &mut &str) -> Option<Self> {
                $parse(scalar(text))
            }
        }
    )*};
}

plain_word! {
    u32: Valid::ANY, |w| w, |v| v, |t: &str| t.parse().ok(), |array| array;
    i32: Valid::ANY, u32::cast_signed, i32::cast_unsigned, |t: &str| t.parse().ok(), bytemuck::cast;
    f32: Valid::ANY, f32::from_bits, f32::to_bits, |t: &str| t.parse().ok(), bytemuck::cast;
    bool: Valid::between(0, 1), |w| w != 0, u32::from, |t: &str| t.parse().ok();
    DType: Valid::between(1, 12), |w| DType::from_code(w as u8).unwrap_or(DType::F32), |t: DType| u32::from(t.code()),
        |t: &str| DType::ALL.into_iter().find(|d| d.name() == t);
}

impl<T: Word + Copy + Default, const N: usize> Word for [T; N] {
    const VALIDITY: Validity = T::VALIDITY.times(N);

    #[inline(always)]
    fn read(words: &mut &[u32]) -> Self {
        T::read_array(words)
    }

    fn write(&self, put: &mut dyn FnMut(u32)) {
        for v in self {
            v.write(put);
        }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, v) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            v.show(f)?;
        }
        f.write_str("]")
    }

    fn parse(text: &mut &str) -> Option<Self> {
        let mut out = [T::default(); N];
        expect(text, "[")?;
        for (i, slot) in out.iter_mut().enumerate() {
            if i > 0 {
                expect(text, ",")?;
            }
            *slot = T::parse(text)?;
        }
        expect(text, "]")?;
        Some(out)
    }
}

/// Four small unsigned numbers in one word, the first in the low byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quad(pub [u8; 4]);

impl Word for Quad {
    const VALIDITY: Validity = Validity::one(Valid::ANY);

    #[inline(always)]
    fn read(words: &mut &[u32]) -> Self {
        Quad(take(words).to_le_bytes())
    }

    fn write(&self, put: &mut dyn FnMut(u32)) {
        put(u32::from_le_bytes(self.0));
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map(u32::from).show(f)
    }

    fn parse(text: &mut &str) -> Option<Self> {
        let wide = <[u32; 4]>::parse(text)?;
        let mut quad = Quad::default();
        for (q, w) in quad.0.iter_mut().zip(wide) {
            *q = u8::try_from(w).ok()?;
        }
        Some(quad)
    }
}

/// Four small signed numbers in one word, the first in the low byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignedQuad(pub [i8; 4]);

impl Word for SignedQuad {
    const VALIDITY: Validity = Validity::one(Valid::ANY);

    #[inline(always)]
    fn read(words: &mut &[u32]) -> Self {
        SignedQuad(take(words).to_le_bytes().map(u8::cast_signed))
    }

    fn write(&self, put: &mut dyn FnMut(u32)) {
        put(u32::from_le_bytes(self.0.map(i8::cast_unsigned)));
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map(i32::from).show(f)
    }

    fn parse(text: &mut &str) -> Option<Self> {
        let wide = <[i32; 4]>::parse(text)?;
        let mut quad = SignedQuad::default();
        for (q, w) in quad.0.iter_mut().zip(wide) {
            *q = i8::try_from(w).ok()?;
        }
        Some(quad)
    }
}

/// A shape: its rank, then its axes, unused ones 1.
impl Word for Shape {
    const VALIDITY: Validity =
        Validity::one(Valid::between(0, MAX_RANK as u8)).then(Validity::one(Valid::ANY).times(MAX_RANK));

    #[inline(always)]
    fn read(words: &mut &[u32]) -> Self {
        let rank = take(words) as usize;
        let dims = <[u32; MAX_RANK]>::read(words);
        dims.get(..rank).and_then(Shape::new).unwrap_or(Shape::SCALAR)
    }

    fn write(&self, put: &mut dyn FnMut(u32)) {
        put(u32::try_from(self.rank()).unwrap_or(0));
        for i in 0..MAX_RANK {
            put(self.dim(i));
        }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }

    fn parse(text: &mut &str) -> Option<Self> {
        let (mut dims, mut rank) = ([1; MAX_RANK], 0usize);
        expect(text, "[")?;
        while !text.starts_with(']') {
            if rank > 0 {
                expect(text, ",")?;
            }
            *dims.get_mut(rank)? = u32::parse(text)?;
            rank = rank.saturating_add(1);
        }
        expect(text, "]")?;
        Shape::new(dims.get(..rank)?)
    }
}
