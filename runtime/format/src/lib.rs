//! The `.siskin` file: bytes to checked views and back.
//!
//! ```text
//! Header (64 bytes) | section table | section | section | …
//! ```
//!
//! [`Artifact::parse`] verifies a file in one pass without allocation or recursion; every accessor after
//! that is total: it cannot panic, whoever wrote the file. `FORMAT.md` beside this crate is the
//! normative text; this crate is its only implementation.
//!
//! What is absent: the meaning of operators. A record says which operator reads and writes which tensor;
//! whether the shapes suit that operator is for the runtime to check.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

#[cfg(any(feature = "write", feature = "card"))]
extern crate alloc;

#[cfg(target_endian = "big")]
compile_error!("a .siskin file is viewed in place and little-endian: big-endian targets need a converting reader");

mod artifact;
#[cfg(feature = "card")]
mod card;
mod dtype;
mod error;
mod golden;
mod header;
mod monitor;
mod packed;
mod preparation;
mod preview;
mod record;
mod report;
mod section;
mod shape;
mod verify;
#[cfg(feature = "write")]
mod write;

pub use artifact::Artifact;
#[cfg(feature = "card")]
pub use card::{Card, InputRecipe};
pub use dtype::DType;
pub use error::FormatError;
#[doc(hidden)]
pub use error::fill;
pub use golden::{Golden, GoldenRecord, Goldens, Prng};
pub use header::{ALIGN, Header, MAGIC, MAJOR, MINOR};
pub use monitor::{ALTERNATIVES, BINS, Baseline, FeatureRecord, MAX_FEATURES, MonitorRecord, Odds};
pub use packed::{Contexts, Numbers, PACKED_MAGIC, unpack, unpacked_len};
#[cfg(feature = "write")]
pub use packed::{Segment as PackedSegment, pack};
pub use preparation::{AudioRecord, ImageRecord, Preparation};
pub use preview::Preview;
pub use record::{ABSENT, IoRecord, OpRecord, Place, Role, TensorRecord};
pub use report::{FeatureTotals, Health, ReportError, ReportHead, Totals};
pub use section::{Kind, Section, crc32};
pub use shape::{Axes, MAX_RANK, Shape, Type, TypeRef};
#[cfg(feature = "write")]
pub use write::Writer;
