//! Operator attributes: typed structs over the `u32` words of a file.
//!
//! [`attrs!`](crate::attrs!) declares a struct once; reading, writing and the text form follow from it.

use crate::{DType, Error, Shape};
use core::fmt;
use siskin_format::MAX_RANK;

/// A type that attribute words can hold.
pub trait Word: Sized {
    /// The number of words.
    const LEN: usize;

    /// Reads from the front of `words` and advances it.
    fn read(words: &mut &[u32]) -> Option<Self>;

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
fn take(words: &mut &[u32]) -> Option<u32> {
    let (&first, rest) = words.split_first()?;
    *words = rest;
    Some(first)
}

macro_rules! plain_word {
    ($($t:ty: $from:expr, $to:expr, $parse:expr;)*) => {$(
        impl Word for $t {
            const LEN: usize = 1;

            fn read(words: &mut &[u32]) -> Option<Self> {
                take(words).and_then($from)
            }

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
    u32: Some, |v| v, |t: &str| t.parse().ok();
    i32: |w: u32| Some(w.cast_signed()), i32::cast_unsigned, |t: &str| t.parse().ok();
    f32: |w| Some(f32::from_bits(w)), f32::to_bits, |t: &str| t.parse().ok();
    bool: |w| if w <= 1 { Some(w == 1) } else { None }, u32::from, |t: &str| t.parse().ok();
    DType: |w| u8::try_from(w).ok().and_then(DType::from_code), |t: DType| u32::from(t.code()), |t: &str| DType::ALL.into_iter().find(|d| d.name() == t);
}

impl<T: Word + Copy + Default, const N: usize> Word for [T; N] {
    const LEN: usize = N * T::LEN;

    fn read(words: &mut &[u32]) -> Option<Self> {
        let mut out = [T::default(); N];
        for slot in &mut out {
            *slot = T::read(words)?;
        }
        Some(out)
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
    const LEN: usize = 1;

    fn read(words: &mut &[u32]) -> Option<Self> {
        take(words).map(|w| Quad(w.to_le_bytes()))
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
    const LEN: usize = 1;

    fn read(words: &mut &[u32]) -> Option<Self> {
        take(words).map(|w| SignedQuad(w.to_le_bytes().map(u8::cast_signed)))
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
    const LEN: usize = 1 + MAX_RANK;

    fn read(words: &mut &[u32]) -> Option<Self> {
        let rank = usize::try_from(take(words)?).ok()?;
        let dims = <[u32; MAX_RANK]>::read(words)?;
        Shape::new(dims.get(..rank)?)
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

/// The attributes of one operator.
pub trait Attrs: Sized + Clone {
    /// The number of words.
    const LEN: usize;

    /// Reads the words of a record: all of them, no more, no fewer.
    ///
    /// # Errors
    /// [`Error::ATTRS`] if the number of words or a value is not valid.
    fn read(words: &[u32]) -> Result<Self, Error>;

    /// Hands each word to `put`.
    fn write(&self, put: &mut dyn FnMut(u32));

    /// Writes the text form: `name=value` pairs with a space before each.
    ///
    /// # Errors
    /// As the formatter's.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Reads the text form; nothing if it is not exactly what [`Attrs::show`] writes.
    fn parse(text: &str) -> Option<Self>;
}

/// Declares an attribute struct: public fields of types that are [`Word`]s.
#[macro_export]
macro_rules! attrs {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* pub $field:ident: $t:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name { $($(#[$fmeta])* pub $field: $t,)* }

        impl $crate::attrs::Attrs for $name {
            const LEN: usize = 0 $(+ <$t as $crate::attrs::Word>::LEN)*;

            #[allow(unused_mut, unused_variables, reason = "an operator may have no attributes")]
            fn read(mut words: &[u32]) -> Result<Self, $crate::Error> {
                let words = &mut words;
                let attrs = $name {
                    $($field: <$t as $crate::attrs::Word>::read(words).ok_or($crate::Error::ATTRS)?,)*
                };
                if words.is_empty() { Ok(attrs) } else { Err($crate::Error::ATTRS) }
            }

            #[allow(unused_variables, reason = "an operator may have no attributes")]
            fn write(&self, put: &mut dyn FnMut(u32)) {
                $($crate::attrs::Word::write(&self.$field, put);)*
            }

            #[allow(unused_variables, reason = "an operator may have no attributes")]
            fn show(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                $(
                    f.write_str(concat!(" ", stringify!($field), "="))?;
                    $crate::attrs::Word::show(&self.$field, f)?;
                )*
                Ok(())
            }

            #[allow(unused_mut, unused_variables, reason = "an operator may have no attributes")]
            fn parse(mut text: &str) -> Option<Self> {
                let text = &mut text;
                let attrs = $name {
                    $($field: {
                        *text = text.trim_start().strip_prefix(concat!(stringify!($field), "="))?;
                        <$t as $crate::attrs::Word>::parse(text)?
                    },)*
                };
                text.trim().is_empty().then_some(attrs)
            }
        }
    };
}

/// Declares an attribute that is one of several names, which files number from 0: append, never renumber.
#[macro_export]
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every choice, in the order of the file's numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The choice of this name; ONNX's names, where it has them.
            #[must_use]
            pub fn by_name(name: &str) -> Option<$name> {
                match name { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl $crate::attrs::Word for $name {
            const LEN: usize = 1;

            fn read(words: &mut &[u32]) -> Option<Self> {
                $name::ALL.get(u32::read(words)? as usize).copied()
            }

            fn write(&self, put: &mut dyn FnMut(u32)) {
                put(*self as u32);
            }

            fn show(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(match self { $($name::$variant => $text),+ })
            }

            fn parse(text: &mut &str) -> Option<Self> {
                $name::by_name($crate::attrs::scalar(text))
            }
        }
    };
}

crate::attrs! {
    /// No attributes.
    pub struct NoAttrs {}
}
