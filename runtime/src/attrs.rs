//! Operator attributes: typed structs over the `u32` words of a file.
//!
//! [`attrs!`](crate::attrs!) declares a struct once; checking, reading, writing and the text form follow from it. Which
//! values are valid is a table, and one function checks all of them; after it, reading a field is a load.

use crate::Refusal;
use core::fmt;

mod word;

pub use word::{Quad, SignedQuad, Word};
#[doc(hidden)]
pub use word::{scalar, take};

/// The valid values of one word.
#[derive(Clone, Copy, Debug)]
pub struct Valid {
    least: u8,
    greatest: u8,
}

impl Valid {
    /// Every value.
    pub const ANY: Valid = Valid { least: 0, greatest: u8::MAX };

    /// These and what is between them; `greatest` is at most 254.
    #[must_use]
    pub const fn between(least: u8, greatest: u8) -> Valid {
        Valid { least, greatest }
    }

    fn has(self, word: u32) -> bool {
        self.greatest == u8::MAX || (u32::from(self.least)..=u32::from(self.greatest)).contains(&word)
    }
}

/// The most attribute words of an operator.
const MAX_WORDS: usize = 32;

/// The valid values of some words, put together by the compiler, which stops where there are too many.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    list: [Valid; MAX_WORDS],
    len: usize,
}

impl Validity {
    /// No words.
    pub const NONE: Validity = Validity { list: [Valid::ANY; MAX_WORDS], len: 0 };

    /// One word.
    #[must_use]
    pub const fn one(valid: Valid) -> Validity {
        let mut one = Validity::NONE;
        one.list[0] = valid;
        one.len = 1;
        one
    }

    /// These words, then those.
    #[must_use]
    pub const fn then(mut self, next: Validity) -> Validity {
        let mut i = 0;
        while i < next.len {
            self.list[self.len] = next.list[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    /// These words `n` times.
    #[must_use]
    pub const fn times(self, n: usize) -> Validity {
        let mut all = Validity::NONE;
        let mut i = 0;
        while i < n {
            all = all.then(self);
            i += 1;
        }
        all
    }

    /// The number of words.
    #[doc(hidden)]
    #[must_use]
    pub const fn count(&self) -> usize {
        self.len
    }

    /// As an array.
    #[doc(hidden)]
    #[must_use]
    pub const fn list<const N: usize>(&self) -> [Valid; N] {
        let mut list = [Valid::ANY; N];
        let mut i = 0;
        while i < N {
            list[i] = self.list[i];
            i += 1;
        }
        list
    }
}

/// Checks that there are as many words as `valid` lists, each valid.
///
/// # Errors
/// [`Refusal::Attrs`] otherwise.
pub fn check(words: &[u32], valid: &[Valid]) -> Result<(), Refusal> {
    let all = words.len() == valid.len() && words.iter().zip(valid).all(|(&w, v)| v.has(w));
    if all { Ok(()) } else { Err(Refusal::Attrs) }
}

/// The attributes of one operator.
pub trait Attrs: Sized + Clone {
    /// Which values of each word are valid.
    const VALID: &'static [Valid];

    /// Reads words that [`check`] accepted against [`Attrs::VALID`]. Others give some value.
    fn of(words: &[u32]) -> Self;

    /// Reads the words of a record: all of them, no more, no fewer.
    ///
    /// # Errors
    /// [`Refusal::Attrs`] if the number of words or a value is not valid.
    fn read(words: &[u32]) -> Result<Self, Refusal> {
        check(words, Self::VALID).map(|()| Self::of(words))
    }

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
            const VALID: &'static [$crate::attrs::Valid] = {
                const ALL: $crate::attrs::Validity =
                    $crate::attrs::Validity::NONE$(.then(<$t as $crate::attrs::Word>::VALIDITY))*;
                const { &ALL.list::<{ ALL.count() }>() }
            };

            #[allow(unused_variables, reason = "an operator may have no attributes")]
            #[inline(always)]
            fn of(words: &[u32]) -> Self {
                // Of a length that is known, so that each field is one load.
                const LEN: usize = $name::VALID.len();
                let words = &mut &words.first_chunk::<LEN>().unwrap_or(&[0; LEN])[..];
                $name { $($field: <$t as $crate::attrs::Word>::read(words),)* }
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
            const VALIDITY: $crate::attrs::Validity =
                $crate::attrs::Validity::one($crate::attrs::Valid::between(0, $name::ALL.len() as u8 - 1));

            #[inline(always)]
            fn read(words: &mut &[u32]) -> Self {
                let word = $crate::attrs::take(words);
                $(if word == $name::$variant as u32 { return $name::$variant; })+
                $name::ALL[0]
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
