//! The files of a run.
//!
//! A run directory is written once: a step's folder appears, by rename, when the step is complete,
//! and nothing inside a finished folder changes. So what is done can be seen by looking, and a run
//! that was killed goes on at the first step that is not there.

mod begin;
mod checkpoint;
mod derived;
mod error;
mod journal;
pub mod layout;
mod lock;
mod manifest;
mod memory;
mod order;
mod step;
mod step_dir;
mod sums;
mod verify;

pub use checkpoint::Checkpoint;
pub(crate) use derived::bring_to;
pub use error::RunError;
pub use journal::{Entry, Event, Journal, StepTime, read_journal, times};
pub use lock::Holder;
pub use manifest::{Manifest, PluginRecord, SCHEMA, hexadecimal, sha256};
pub use memory::peak_memory_bytes;
pub(crate) use order::finished_steps;
pub use order::require_in_order;
pub use step::{Step, StepKind};
pub use step_dir::StepDir;
pub(crate) use sums::read_as_written;
pub use verify::{Difference, Verification, compare, verify};

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use lock::Lock;

use crate::io::remove_hidden;

/// A run directory that this process alone may write to.
#[derive(Debug)]
pub struct RunDir {
    root: PathBuf,
    lock: Lock,
}

impl RunDir {
    /// Makes a run directory. It appears by rename, so it is either complete or not there. Of several processes that make it at the
    /// same time one has it from then on.
    ///
    /// # Errors
    /// If something is there already, as another process's run, or it cannot be written.
    pub fn create(root: &Path, manifest: &Manifest, config_toml: &str) -> Result<Self, RunError> {
        let lock = begin::create(root, &to_json(manifest)?, config_toml)?;
        Ok(Self { root: root.to_owned(), lock })
    }

    /// Opens a run directory to go on with it.
    ///
    /// # Errors
    /// If it is not one, was written by a newer version, or another process works on it.
    pub fn open(root: &Path) -> Result<Self, RunError> {
        read_manifest(root)?;
        let lock = Lock::take(root)?;
        let failed = |error| RunError::write(root, error);
        for folder in [root.to_owned(), root.join(layout::TENSORBOARD)] {
            remove_hidden(&folder).map_err(failed)?;
        }
        for entry in fs::read_dir(root).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(layout::ITERATION)) {
                step_dir::rename_complete(&path)?;
            }
        }
        Ok(Self { root: root.to_owned(), lock })
    }

    /// The process that worked on the run last, if it was killed or the machine went down.
    #[must_use]
    pub fn left_by(&self) -> Option<&Holder> {
        self.lock.left_by()
    }

    /// Takes back a run that keeps nothing yet, so that it can be begun with another configuration. What cannot be removed stays.
    pub fn take_back(self) {
        begin::remove(&self.root);
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a step is complete.
    #[must_use]
    pub fn is_done(&self, step: &Step) -> bool {
        is_done(&self.root, step)
    }

    /// Starts a step in a folder of its own; what an interrupted attempt left there is removed.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn begin(&self, step: &Step) -> Result<StepDir, RunError> {
        StepDir::begin(&self.step_path(step))
    }

    /// Takes over a step that another run has finished in the same way: its files are copied.
    ///
    /// # Errors
    /// If the other run has not finished it, or a file cannot be read or written or was changed since.
    pub fn adopt(&self, step: &Step, other: &Path) -> Result<(), RunError> {
        let folder = other.join(layout::step(step));
        let work = self.begin(step)?;
        let summary: serde_json::Value = read_json(&folder.join(layout::STEP))?;
        let entries = fs::read_dir(&folder).map_err(|source| RunError::Read { path: folder.clone(), source })?;
        for entry in entries {
            let entry = entry.map_err(|source| RunError::Read { path: folder.clone(), source })?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != layout::STEP && name != layout::SUMS {
                work.write(&name, &read_as_written(&folder, &name)?)?;
            }
        }
        work.commit(&summary)
    }

    /// The folder of a finished step.
    #[must_use]
    pub fn step_path(&self, step: &Step) -> PathBuf {
        self.root.join(layout::step(step))
    }

    /// The record of what happened when.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn journal(&self) -> Result<Journal, RunError> {
        Journal::open(&self.root.join(layout::JOURNAL))
    }
}

/// Whether a step of the run at `root` is complete.
#[must_use]
pub fn is_done(root: &Path, step: &Step) -> bool {
    root.join(layout::step(step)).join(layout::STEP).is_file()
}

/// Whether something of a step of the run at `root` is kept: it is complete, or an attempt at it kept where it stands.
#[must_use]
pub fn is_begun(root: &Path, step: &Step) -> bool {
    is_done(root, step) || layout::partial(&root.join(layout::step(step))).join(layout::CHECKPOINT).is_file()
}

/// Where the last attempt at a step of the run at `root` stands, if it kept that, and the file's name.
pub(crate) fn saved(root: &Path, step: &Step) -> Result<Option<(Checkpoint, PathBuf)>, RunError> {
    step_dir::saved_in(&layout::partial(&root.join(layout::step(step))))
}

/// What a manifest of every schema holds.
#[derive(Deserialize)]
struct Stamp {
    schema: u32,
    version: String,
}

/// The manifest of the run at `root`, without locking it.
///
/// # Errors
/// If `root` is not a run directory or a newer version wrote it.
pub fn read_manifest(root: &Path) -> Result<Manifest, RunError> {
    let path = root.join(layout::MANIFEST);
    if !path.is_file() {
        return Err(RunError::NotARun { path: root.to_owned() });
    }
    let Stamp { schema, version } = read_json(&path)?;
    if schema > SCHEMA {
        return Err(RunError::Newer { path: root.to_owned(), found: schema, version, known: SCHEMA });
    }
    read_json(&path)
}

/// The configuration that the run at `root` was begun with, every default spelled out.
///
/// # Errors
/// If `root` is not a run directory, or the file is not the one that its manifest tells of.
pub fn read_config(root: &Path) -> Result<String, RunError> {
    let manifest = read_manifest(root)?;
    let path = root.join(layout::CONFIG);
    let text = fs::read_to_string(&path).map_err(|source| RunError::Read { path: path.clone(), source })?;
    if manifest::sha256(text.as_bytes()) != manifest.config_sha256 {
        let message = "was changed since the run was begun: its SHA-256 is not that of manifest.json. A run has one \
                       configuration: take the change back, or copy the file and begin another run with it";
        return Err(RunError::Content { path, message: message.to_owned() });
    }
    Ok(text)
}

/// Whether a process works on the run at `root` now.
#[must_use]
pub fn is_busy(root: &Path) -> bool {
    lock::holder(root).is_some()
}

/// Reads a JSON file of a run.
///
/// # Errors
/// If it is not there or does not hold what is expected.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    parse_json(&read(path)?, path)
}

/// The same of what was read of the file at `path`.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, RunError> {
    serde_json::from_slice(bytes)
        .map_err(|error| RunError::Content { path: path.to_owned(), message: error.to_string() })
}

/// Reads a file of one JSON value a line.
///
/// # Errors
/// As [`read_json`]; names the line.
pub fn read_json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RunError> {
    let text = fs::read_to_string(path).map_err(|source| RunError::Read { path: path.to_owned(), source })?;
    parse_json_lines(&text, path)
}

/// The same of a text; messages call it `path`.
pub(crate) fn parse_json_lines<T: DeserializeOwned>(text: &str, path: &Path) -> Result<Vec<T>, RunError> {
    let lines = text.lines().enumerate();
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| RunError::Content {
                path: path.to_owned(),
                message: format!("line {}: {error}", index + 1),
            })
        })
        .collect()
}

/// Values as JSON, one a line.
pub(crate) fn json_lines<T: Serialize>(values: &[T]) -> Result<Vec<u8>, RunError> {
    let mut text = Vec::new();
    for value in values {
        serde_json::to_writer(&mut text, value).map_err(|error| RunError::Encode(error.to_string()))?;
        text.push(b'\n');
    }
    Ok(text)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, RunError> {
    fs::read(path).map_err(|source| RunError::Read { path: path.to_owned(), source })
}

fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, RunError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| RunError::Encode(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            schema: SCHEMA,
            version: "0.0.0".to_owned(),
            device: "cpu".to_owned(),
            seed: 1,
            config_sha256: "0".to_owned(),
            plugins: Vec::new(),
        }
    }

    fn fresh() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("run");
        (folder, root)
    }

    #[test]
    fn a_step_is_there_only_when_it_is_complete() {
        let (_folder, root) = fresh();
        let run = RunDir::create(&root, &manifest(), "").unwrap();
        let step = Step::new(1, StepKind::Collect);
        let work = run.begin(&step).unwrap();
        work.write("a.bin", b"1").unwrap();
        assert!(!run.is_done(&step));
        drop(work);
        let work = run.begin(&step).unwrap();
        assert!(!work.path().join("a.bin").exists(), "an interrupted attempt leaves nothing behind");
        work.commit(&serde_json::json!({})).unwrap();
        assert!(run.is_done(&step));
        fs::remove_file(run.step_path(&step).join(layout::STEP)).unwrap();
        assert!(run.begin(&step).unwrap_err().to_string().contains("has no step.json"));
    }

    #[test]
    fn an_interrupted_step_keeps_its_checkpoint_and_a_finished_one_does_not() {
        let (_folder, root) = fresh();
        let run = RunDir::create(&root, &Manifest::new("cpu", 1, "", Vec::new()), "").unwrap();
        let step = Step::new(0, StepKind::Pretrain);
        run.journal().unwrap().started(step).unwrap();
        let work = run.begin(&step).unwrap();
        assert!(work.saved().unwrap().is_none());
        let parts = std::collections::BTreeMap::from([("reward".to_owned(), vec![1])]);
        let checkpoint = Checkpoint::new(&2, parts).unwrap();
        work.save(&checkpoint).unwrap();
        let work = run.begin(&step).unwrap();
        assert_eq!(work.saved().unwrap().unwrap().0, checkpoint);
        work.commit(&1).unwrap();
        assert!(!run.step_path(&step).join(layout::CHECKPOINT).exists());
        assert_eq!(verify(&root).unwrap().differences, []);
    }

    #[test]
    fn a_step_that_lacked_its_name_alone_gets_it() {
        let (_folder, root) = fresh();
        let step = Step::new(0, StepKind::Pretrain);
        let run = RunDir::create(&root, &manifest(), "").unwrap();
        run.begin(&step).unwrap().commit(&1).unwrap();
        let finished = run.step_path(&step);
        fs::rename(&finished, layout::partial(&finished)).unwrap();
        drop(run);
        assert!(RunDir::open(&root).unwrap().is_done(&step));
    }

    #[test]
    fn a_step_of_another_run_is_taken_over_whole() {
        let (_folder, root) = fresh();
        let (_other_folder, other_root) = fresh();
        let step = Step::new(0, StepKind::Pretrain);
        let other = RunDir::create(&other_root, &manifest(), "").unwrap();
        let run = RunDir::create(&root, &manifest(), "").unwrap();
        assert!(run.adopt(&step, other.root()).is_err());
        assert!(!run.is_done(&step));
        let work = other.begin(&step).unwrap();
        work.write("a.bin", b"1").unwrap();
        work.commit(&serde_json::json!({ "epochs": 3 })).unwrap();
        run.adopt(&step, other.root()).unwrap();
        for name in ["a.bin", layout::STEP] {
            let read = |run: &RunDir| fs::read(run.step_path(&step).join(name)).unwrap();
            assert_eq!(read(&run), read(&other));
        }
    }

    #[test]
    fn only_one_process_writes_to_a_run() {
        let (_folder, root) = fresh();
        let run = RunDir::create(&root, &manifest(), "").unwrap();
        let error = RunDir::open(&root).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by process {} on ", std::process::id())), "{error}");
        assert_eq!(run.left_by(), None);
        drop(run);
        assert_eq!(RunDir::open(&root).unwrap().left_by(), None);
    }

    #[test]
    fn who_asks_whether_a_run_is_busy_keeps_nobody_from_it() {
        let (_folder, root) = fresh();
        drop(RunDir::create(&root, &manifest(), "").unwrap());
        let opened = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !opened.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = is_busy(&root);
                }
            });
            let failed = (0..200).find_map(|_| RunDir::open(&root).err());
            opened.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(failed.is_none(), "{failed:?}");
        });
    }

    #[test]
    fn a_process_that_ended_without_a_word_is_known() {
        let (_folder, root) = fresh();
        drop(RunDir::create(&root, &manifest(), "").unwrap());
        fs::write(root.join(layout::LOCK), r#"{"process":7,"host":"there"}"#).unwrap();
        let run = RunDir::open(&root).unwrap();
        assert_eq!(run.left_by().unwrap().to_string(), "process 7 on there");
        drop(run);
        fs::write(root.join(layout::LOCK), "{\"proc").unwrap();
        assert_eq!(RunDir::open(&root).unwrap().left_by(), None);
    }

    #[test]
    fn half_a_line_of_the_journal_is_forgotten() {
        let (_folder, root) = fresh();
        let run = RunDir::create(&root, &manifest(), "").unwrap();
        let step = Step::new(0, StepKind::Pretrain);
        run.journal().unwrap().started(step).unwrap();
        let path = root.join(layout::JOURNAL);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [whole.as_slice(), b"{\"time"].concat()).unwrap();
        run.journal().unwrap().finished(step).unwrap();
        assert_eq!(read_json_lines::<Event>(&path).unwrap().len(), 2);
    }

    #[test]
    fn a_changed_configuration_is_refused() {
        let (_folder, root) = fresh();
        let begun_with = Manifest::new("cpu", 1, "seed = 1\n", Vec::new());
        let run = RunDir::create(&root, &begun_with, "seed = 1\n").unwrap();
        assert_eq!(read_config(&root).unwrap(), "seed = 1\n");
        assert!(is_busy(&root));
        drop(run);
        assert!(!is_busy(&root));
        fs::write(root.join(layout::CONFIG), "seed = 2\n").unwrap();
        assert!(read_config(&root).unwrap_err().to_string().contains("config.toml: was changed"));
    }

    #[test]
    fn what_is_not_a_run_is_refused() {
        let (_folder, root) = fresh();
        assert!(matches!(RunDir::open(&root), Err(RunError::NotARun { .. })));
        drop(RunDir::create(&root, &Manifest { schema: SCHEMA + 1, ..manifest() }, ""));
        assert!(matches!(RunDir::open(&root), Err(RunError::Newer { .. })));
        assert!(matches!(RunDir::create(&root, &manifest(), ""), Err(RunError::Exists { .. })));
    }
}
