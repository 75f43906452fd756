//! Training steps and nothing else, for `.ci/instructions` to count their instructions and for
//! profilers.
//!
//! `cargo bench --package rl4seg-core --bench training_step -- STEPS [BATCH SIDE WIDTH]` takes as many
//! steps on a synthetic batch and prints the last loss, and the time of a step.

use std::{process::ExitCode, time::Instant};

use rl4seg_core::{
    component::{ImitationStep, Policy, Result},
    domain::{ImageBatch, LabelBatch, Seed},
    nn::{Isa, NetworkPolicy, NetworkSettings, device},
};

/// What is trained, how often.
struct Work {
    steps: usize,
    batch: usize,
    side: usize,
    width: usize,
}

impl Work {
    /// From the program's arguments; small where they leave something out, as counting instructions
    /// makes a program fifty times as slow.
    fn from_arguments() -> Self {
        // cargo adds `--bench`, which is no number.
        let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
        let number = |at: usize, otherwise| numbers.get(at).copied().unwrap_or(otherwise);
        Self { steps: number(0, 1), batch: number(1, 2), side: number(2, 64), width: number(3, 16) }
    }

    /// Vertical stripes, each label a third of the image.
    fn stripes(&self) -> (ImageBatch, LabelBatch) {
        let &Self { batch, side, .. } = self;
        let labels: Vec<u8> = (0..batch * side * side).map(|voxel| (voxel % side * 3 / side) as u8).collect();
        let values = labels.iter().map(|label| f32::from(*label) / 3.0).collect();
        let shape = [1, side, side];
        (ImageBatch { batch, channels: 1, shape, values }, LabelBatch { batch, shape, labels })
    }

    /// The last step's loss, and the fastest step's time in seconds.
    fn run(&self) -> Result<(f64, f64)> {
        let settings = NetworkSettings::new(self.width, 1, 3);
        let mut policy = NetworkPolicy::new(&settings, Seed(0), &device("cpu")?)?;
        let (images, labels) = self.stripes();
        let (mut loss, mut fastest) = (f64::NAN, f64::INFINITY);
        for _ in 0..self.steps {
            let started = Instant::now();
            loss = policy.imitate(&images, &labels, &ImitationStep { learning_rate: 1e-3, label_smoothing: 0.0 })?;
            fastest = fastest.min(started.elapsed().as_secs_f64());
        }
        Ok((loss, fastest))
    }
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own")]
fn main() -> ExitCode {
    let work = Work::from_arguments();
    match work.run() {
        Ok((loss, seconds)) => {
            println!("{:?}: loss {loss:.6} after {} steps, {:.2} ms a step", Isa::detect(), work.steps, 1e3 * seconds);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
