//! The program as its users meet it: the real binary on real files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod adaptation;
mod data;
mod dicom;
mod documents;
mod faults;
mod machine;
mod measures;
mod metrics;
mod moved;
mod networks;
mod plugins;
mod program;
mod report;
mod resume;
mod runs;
mod shown;
// The terminal is made by a command of Linux.
#[cfg(target_os = "linux")]
mod terminal;
mod upgrades;
mod wrong_input;
mod wrong_moves;
