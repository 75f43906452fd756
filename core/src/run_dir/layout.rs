//! Every name of a file or folder in a run.

use std::path::{Path, PathBuf};

use super::Step;

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
/// In each step's folder: the SHA-256 of its other files, as `sha256sum` writes them.
pub const SUMS: &str = "SHA256SUMS";
/// In the folder of a step under way: where it stands.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
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

/// What the folder of an iteration is called before its number.
pub(super) const ITERATION: &str = "iteration-";
/// What the name of a folder that is put together ends with.
const PARTIAL: &str = ".partial";

/// The folder of a step, relative to the run.
#[must_use]
pub fn step(step: &Step) -> PathBuf {
    Path::new(&format!("{ITERATION}{:03}", step.iteration)).join(step.kind.name())
}

/// The name that a folder which is put together will have; nothing for others.
#[must_use]
pub fn finished(partial: &Path) -> Option<PathBuf> {
    Some(partial.with_file_name(partial.file_name()?.to_str()?.strip_suffix(PARTIAL)?))
}

/// Where a run is put together: as [`partial`], but one of several folders, for there may be several processes that begin the run.
pub(super) fn beginning(root: &Path, number: usize) -> PathBuf {
    let mut name = root.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{number}{PARTIAL}"));
    root.with_file_name(name)
}

/// Whether [`beginning`] gives `path` for a number.
pub(super) fn is_beginning(root: &Path, path: &Path) -> bool {
    let number = || {
        let name = path.file_name()?.to_str()?.strip_prefix(root.file_name()?.to_str()?)?;
        name.strip_prefix('.')?.strip_suffix(PARTIAL)?.parse().ok()
    };
    number().is_some_and(|number| beginning(root, number).file_name() == path.file_name())
}

/// Where a folder is put together before it appears under its own name.
#[must_use]
pub fn partial(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(PARTIAL);
    folder.with_file_name(name)
}
