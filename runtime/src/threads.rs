//! Large operators on several threads: [`Model::with_pool`].
//!
//! What they compute stays the same, bit for bit, however many there are. What is absent: operators side by side, which the memory
//! plan of a file rules out.

use crate::Model;
use core::fmt;
use siskin_kernels::threads::Pool;

/// The pool of a model.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a>(pub(crate) &'a dyn Pool);

impl fmt::Debug for Shared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.0.threads()).finish()
    }
}

impl<'a> Model<'a> {
    /// The same model, whose large convolutions and products of matrices run on the threads of `pool`. Convolutions do so where their
    /// constants are packed, see [`Model::pack`].
    #[must_use]
    pub const fn with_pool(self, pool: &'a dyn Pool) -> Model<'a> {
        Model { pool: Some(Shared(pool)), ..self }
    }
}
