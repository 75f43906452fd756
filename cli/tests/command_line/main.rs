//! The program as its users meet it: the real binary on real files.

mod measures;
mod plugins;
mod program;
mod resume;
mod runs;
mod wrong_input;
