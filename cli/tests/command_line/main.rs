//! The program as its users meet it: the real binary on real files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod adaptation;
mod data;
mod machine;
mod measures;
mod metrics;
mod networks;
mod plugins;
mod program;
mod resume;
mod runs;
mod shown;
mod wrong_input;
