//! Every name of a file or folder in a run.

use std::path::{Path, PathBuf};

use super::{Step, StepKind};

/// What made the run: versions, plugins, device, seed.
pub const MANIFEST: &str = "manifest.json";
/// The configuration, every default spelled out.
pub const CONFIG: &str = "config.toml";
/// What happened when, one JSON object a line; the only file that grows.
pub const JOURNAL: &str = "journal.jsonl";
/// Held by the process that works on the run.
pub const LOCK: &str = ".lock";
/// In each step's folder, written last: what the step came to.
pub const STEP: &str = "step.json";
/// The actor's weights.
pub const ACTOR: &str = "actor.safetensors";
/// The critic's weights.
pub const CRITIC: &str = "critic.safetensors";
/// The reward network's weights.
pub const REWARD: &str = "reward.safetensors";
/// The reward network's temperature and how well it is calibrated.
pub const CALIBRATION: &str = "calibration.json";
/// How well the reward network judges what each distortion and corrector makes: one JSON object a line.
pub const ORIGINS: &str = "origins.jsonl";
/// One JSON object an epoch; in the run itself, those of all steps, and one for what each step came to.
pub const METRICS: &str = "metrics.jsonl";
/// In `evaluate`: the summary of each domain.
pub const SUMMARY: &str = "metrics.json";
/// One JSON object a case; in `pretrain`, what each is for.
pub const CASES: &str = "cases.jsonl";
/// The test cases of all iterations, a row for each.
pub const CASES_TABLE: &str = "cases.csv";
/// The folder of event files for TensorBoard, one for each step.
pub const TENSORBOARD: &str = "tensorboard";
/// In `collect`: one JSON object a reward sample.
pub const SAMPLES: &str = "samples.jsonl";
/// In `collect`: the label maps that cases and samples name by number, gzip.
pub const LABEL_MAPS: &str = "label-maps.gz";

/// The folder of a step, relative to the run.
#[must_use]
pub fn step(step: &Step) -> PathBuf {
    Path::new(&format!("iteration-{:03}", step.iteration)).join(name(step.kind))
}

/// What steps of a kind are called.
#[must_use]
pub fn name(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Pretrain => "pretrain",
        StepKind::Collect => "collect",
        StepKind::FitReward => "fit-reward",
        StepKind::ImprovePolicy => "improve-policy",
        StepKind::Evaluate => "evaluate",
    }
}

/// Where a folder is put together before it appears under its own name.
#[must_use]
pub fn partial(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    folder.with_file_name(name)
}
