//! The `rl4seg` command as one file: the plugins that are named here are part of the program, and no library of theirs is loaded.
//!
//! The plugins' crates are the same that build to libraries: `export_plugin!` registers their components in both ways.

use std::process::ExitCode;

use rl4seg_echo as _;
use third_party_metric as _;

fn main() -> ExitCode {
    rl4seg::main()
}
