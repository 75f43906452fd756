//! The `rl4seg` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    rl4seg::main()
}
