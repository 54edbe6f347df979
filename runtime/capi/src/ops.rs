//! Operators as symbols, so that a linker drops the ones that no table names.

use crate::memory;
use crate::siskin_status;
use siskin::{Entry, Native, OpSet};

/// An operator. Each is a symbol `siskin_op_NAME` of its own, with ONNX's name.
/// cbindgen:ignore
#[repr(transparent)]
pub struct siskin_op(Entry);

/// The operators that a program links. `siskin inspect --c-header` prints the table that a model needs; link with
/// `--gc-sections` and the others are dropped. The table must outlive the sessions that use it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct siskin_ops {
    /// The operators, in any order.
    pub list: *const *const siskin_op,
    /// How many there are.
    pub count: usize,
}

// SAFETY: nobody writes a table or an operator.
unsafe impl Sync for siskin_ops {}

impl siskin_ops {
    /// The table as the runtime takes it.
    ///
    /// # Safety
    /// `list` is to `count` pointers, each null or to an operator of this library, all for the program's life.
    pub(crate) unsafe fn set(&self) -> Result<OpSet, siskin_status> {
        // SAFETY: the caller's promise.
        for &op in unsafe { memory::elements(self.list, self.count) }? {
            // SAFETY: the caller's promise.
            unsafe { memory::shared(op) }?;
        }
        // SAFETY: no pointer is null, as just checked, and an operator is its entry.
        Ok(OpSet(unsafe { memory::elements(self.list.cast::<&'static Entry>(), self.count) }?))
    }
}

macro_rules! symbols {
    ($($op:ident),*) => {
        $(
            #[doc = concat!("The operator ", stringify!($op), ".")]
            #[unsafe(export_name = concat!("siskin_op_", stringify!($op)))]
            pub static $op: siskin_op = siskin_op(Entry::of::<siskin::op::$op, Native>());
        )*

        static ALL: &[&siskin_op] = &[$(&$op),*];
    };
}
siskin::each_op!(symbols);

/// Every operator: for programs that load any model. A program that names a smaller table does not link this one.
#[unsafe(no_mangle)]
pub static siskin_all_ops: siskin_ops = siskin_ops { list: ALL.as_ptr().cast(), count: ALL.len() };
