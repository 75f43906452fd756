//! Damaged and lying files of every kind that is read: an error at most, and never more memory than the file's size explains.
//!
//! `HOSTILE_FILES=10000 cargo test --package rl4seg-hostile` tries as many of each file; without it, a few hundred. With
//! `--no-default-features` it leaves out checkpoints, and burn is not built.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

use rl4seg_hostile::{Counting, Draw, Kind, Trial, WholeFile, damaged};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Opens as many damaged copies of a file; tells of them in a line.
fn damage(trial: &Trial, file: &WholeFile, rounds: usize) -> String {
    trial.open(&file.bytes).outcome.unwrap_or_else(|error| panic!("{}: {error}", file.name));
    let mut draw = Draw(file.bytes.len() as u64);
    let (mut most, mut refused) = (0, 0);
    for _ in 0..rounds {
        let tried = trial.open(&damaged(&file.bytes, &mut draw));
        most = most.max(tried.memory);
        refused += usize::from(tried.outcome.is_err());
    }
    format!("{}: {refused} of {rounds} refused, {most} bytes of memory at most for {}", file.name, file.bytes.len())
}

#[test]
fn no_damage_panics_or_takes_memory_that_the_file_does_not_explain() {
    let rounds = std::env::var("HOSTILE_FILES").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    // Panics of decoders, which are caught, would only fill the output.
    std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_some_and(|place| !place.file().contains("registry")) {
            eprintln!("{panic}");
        }
    }));
    for kind in Kind::ALL {
        let trial = Trial::new(*kind);
        for file in kind.whole_files() {
            println!("{}", damage(&trial, &file, rounds));
        }
    }
}
