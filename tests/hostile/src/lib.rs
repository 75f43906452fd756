//! Files that are damaged or lie: an error at most, and never more memory than the file's size explains.
//!
//! A [`Kind`] is what somebody may hand over; a [`Trial`] opens bytes as a file of a kind. The test `hostile_files` damages whole
//! files at random, the targets of `tests/fuzz` let libFuzzer do it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "engine")]
mod checkpoints;
mod damage;
mod data_sets;
mod images;
mod kind;
mod memory;
mod runs;
mod trial;

pub use damage::{Draw, damaged};
pub use kind::{Kind, WholeFile};
pub use memory::{Counting, FLOOR, MOST, held, measured};
pub use trial::{Trial, Tried};
