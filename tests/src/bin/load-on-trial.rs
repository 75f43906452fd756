//! Answers the probe of the plugin loader, as the program `rl4seg` does.

use std::{env, io::Write, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [command, path] = &arguments[..] else { return ExitCode::FAILURE };
    if command != rl4seg_core::plugin::PROBE_COMMAND {
        return ExitCode::FAILURE;
    }
    let (answer, status) = rl4seg_core::plugin::answer_probe(Path::new(path));
    if writeln!(std::io::stdout(), "{answer}").is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}
