//! The `rl4seg` command.

use std::process::ExitCode;

#[cfg(feature = "linked-plugins")]
use {rl4seg_cardiac_mr as _, rl4seg_chest_xray as _, rl4seg_echo as _};

fn main() -> ExitCode {
    rl4seg::main()
}
