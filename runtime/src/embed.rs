//! A model in the program's constants, checked while the program is built.
//!
//! [`include_model!`](crate::include_model!) aligns the file, reads its sizes and operators in constant evaluation, and
//! refuses to compile if it is cut short, damaged outside its weights, of another version, or in need of an operator
//! that the program lacks. What remains for [`Embedded::parse`] is the weights' checksum and the plan.
//!
//! What is absent: any cost at run time. Everything here but [`Embedded`]'s methods exists only while compiling; that
//! is why it may panic where the rest of the crate may not.

use crate::{Code, Entry, Error, Model, Native, OpSet, op};
use siskin_format::{FormatError, Preview};

/// A model in the program's constants, made by [`include_model!`](crate::include_model!).
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    file: &'static [u8],
    ops: OpSet,
    arena_len: usize,
    state_len: usize,
    monitor_len: usize,
}

impl Embedded {
    /// Bytes of arena that a session needs: `Memory<{ MODEL.arena_len() }>`.
    #[must_use]
    pub const fn arena_len(&self) -> usize {
        self.arena_len
    }

    /// Bytes of state that a session needs; 0 for a model without memory.
    #[must_use]
    pub const fn state_len(&self) -> usize {
        self.state_len
    }

    /// Bytes of memory that a [`crate::Monitor`] needs; 0 for a file without one.
    #[must_use]
    pub const fn monitor_len(&self) -> usize {
        self.monitor_len
    }

    /// The file, aligned.
    #[must_use]
    pub const fn bytes(&self) -> &'static [u8] {
        self.file
    }

    /// The operators that the model is parsed with.
    #[must_use]
    pub const fn ops(&self) -> &OpSet {
        &self.ops
    }

    /// Proves what the build could not, see [`Model::parse`].
    ///
    /// # Errors
    /// As [`Model::parse`]: after a successful build only if flash is damaged or a tool wrote a plan that is unsafe.
    pub fn parse(&self) -> Result<Model<'static>, Error> {
        Model::parse(self.file, &self.ops)
    }
}

/// Puts a `.siskin` file into the program's constants, aligned and checked while the program is built. The path is
/// relative to the source file, as for [`include_bytes!`], and may be `env!(…)` or `concat!(…)`.
///
/// ```
/// use siskin::{Memory, Session};
///
/// siskin::include_model!(pub static DIGITS = "../../tests/golden/digits-1.0.siskin");
///
/// let mut arena = Memory::<{ DIGITS.arena_len() }>::new();
/// let model = DIGITS.parse()?;
/// let mut session = Session::new(&model, arena.bytes(), &mut [])?;
/// session.self_test()?;
/// # Ok::<(), siskin::Error>(())
/// ```
///
/// The program links exactly the operators that the model uses, with the portable kernels. Name an op set after the
/// path where several models share one; an operator that it lacks is an error that names it:
///
/// ```compile_fail,E0080
/// static FEW: siskin::OpSet = siskin::ops![siskin::Generic; siskin::op::QLinearConv];
/// siskin::include_model!(static DIGITS = "../../tests/golden/digits-1.0.siskin", FEW);
/// ```
///
/// So is a file that is no model, or not all of one:
///
/// ```compile_fail,E0080
/// siskin::include_model!(static TEXT = "lib.rs");
/// ```
#[macro_export]
macro_rules! include_model {
    ($(#[$meta:meta])* $vis:vis static $name:ident = $path:expr $(,)?) => {
        $crate::include_model!($(#[$meta])* $vis static $name = $path, {
            const SISKIN_USED: &[&$crate::Entry] =
                &$crate::embed::used::<{ $crate::embed::count($crate::embed::preview(SISKIN_FILE)) }>(SISKIN_FILE);
            $crate::OpSet(SISKIN_USED)
        });
    };
    ($(#[$meta:meta])* $vis:vis static $name:ident = $path:expr, $ops:expr $(,)?) => {
        $(#[$meta])*
        $vis static $name: $crate::Embedded = {
            const SISKIN_FILE: &[u8] = &$crate::embed::Aligned(*include_bytes!($path)).0;
            $crate::embed::checked(SISKIN_FILE, $ops)
        };
    };
}

/// Bytes aligned as [`Model::parse`] demands.
#[doc(hidden)]
#[derive(Debug)]
#[repr(C, align(16))]
pub struct Aligned<const LEN: usize>(pub [u8; LEN]);

/// The file with its sizes; for constant evaluation only.
///
/// # Panics
/// If the file is no model, or needs an operator that `ops` lacks.
#[doc(hidden)]
#[must_use]
pub const fn checked(file: &'static [u8], ops: OpSet) -> Embedded {
    let preview = preview(file);
    let mut i = 0;
    while let Some(code) = preview.op(i) {
        if find(ops, code).is_none() {
            match find(op::all::<Native>(), code) {
                Some(entry) => lacking(entry.name),
                None => {
                    panic!("the model needs an operator that this version of siskin lacks: use the one that wrote it")
                }
            }
        }
        i = i.saturating_add(1);
    }
    Embedded {
        file,
        ops,
        arena_len: preview.arena_len(),
        state_len: preview.state_len(),
        monitor_len: preview.monitor_len(),
    }
}

/// The number of different operators of the model; for constant evaluation only.
#[doc(hidden)]
#[must_use]
pub const fn count(preview: Preview<'_>) -> usize {
    let (mut rest, mut n) = (op::all::<Native>().0, 0usize);
    while let [entry, more @ ..] = rest {
        if uses(preview, entry.code) {
            n = n.saturating_add(1);
        }
        rest = more;
    }
    n
}

/// The `N` different operators of the model; for constant evaluation only.
#[doc(hidden)]
#[must_use]
pub const fn used<const N: usize>(file: &'static [u8]) -> [&'static Entry; N] {
    let preview = preview(file);
    let mut rest = op::all::<Native>().0;
    let &[first, ..] = rest else { panic!("there are operators") };
    let mut entries = [first; N];
    let mut free: &mut [&Entry] = &mut entries;
    while let [entry, more @ ..] = rest {
        if uses(preview, entry.code)
            && let [slot, others @ ..] = free
        {
            *slot = *entry;
            free = others;
        }
        rest = more;
    }
    entries
}

/// The checked beginning of the file; for constant evaluation only.
///
/// # Panics
/// If the file is no model.
#[doc(hidden)]
#[must_use]
pub const fn preview(file: &'static [u8]) -> Preview<'static> {
    match Preview::new(file) {
        Ok(preview) => preview,
        Err(FormatError::Magic) => panic!("the file is no .siskin model: make one with `siskin compress`"),
        Err(FormatError::Length) => panic!("the file is cut short or has bytes at its end: make or fetch it again"),
        Err(FormatError::Version(..)) => panic!("the file is of another version: compress it with this siskin"),
        Err(FormatError::Feature(_)) => panic!("the file needs features that this version of siskin lacks"),
        Err(_) => panic!("the file is damaged: a checksum or a section is wrong; make or fetch it again"),
    }
}

const fn uses(preview: Preview<'_>, code: Code) -> bool {
    let mut i = 0usize;
    while let Some(found) = preview.op(i) {
        if found == code.0 {
            return true;
        }
        i = i.saturating_add(1);
    }
    false
}

const fn find(ops: OpSet, code: u16) -> Option<&'static Entry> {
    let mut rest = ops.0;
    while let [entry, more @ ..] = rest {
        if entry.code.0 == code {
            return Some(entry);
        }
        rest = more;
    }
    None
}

/// Fails the build with the operator's name.
const fn lacking(name: &'static str) -> ! {
    panic!("{}", name)
}
