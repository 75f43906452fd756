//! The command line of `rl4seg`: what a user types, and what they get to read.
//!
//! Results go to standard output, in text or with `--json` for machines; progress, notes and errors
//! go to standard error. Nothing is computed here.

#![allow(clippy::print_stderr, reason = "this is the crate that talks to the user")]

mod appearance;
mod args;
mod asking;
mod catalog;
mod commands;
mod configuration;
mod failure;
mod interrupt;
mod label_files;
mod measure;
mod networks;
mod output;
mod reading;
mod session;
mod settings;
mod source_settings;
mod watchdog;

use std::process::ExitCode;

use clap::Parser;

/// Does what the command line says. 0 is done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C or SIGTERM.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(library) = commands::probe::asked() {
        return exit_code(watchdog::start().and_then(|()| commands::probe::run(&library)));
    }
    let args = args::Args::parse();
    let done = args.global.apply().and_then(|()| watchdog::start()).and_then(|()| args.command.run(&args.global));
    match done {
        Err(error) if error.is::<interrupt::Interrupted>() => {
            args.global.shown().last_word(&error.to_string());
            ExitCode::from(interrupt::STOPPED)
        }
        done => exit_code(done),
    }
}

fn exit_code(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if failure::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(usage) => usage.exit(),
            Err(error) => {
                eprintln!("{}", failure::describe(&error));
                ExitCode::FAILURE
            }
        },
    }
}
