//! The files of a run.
//!
//! A run directory is written once: a step's folder appears, by rename, when the step is complete,
//! and nothing inside a finished folder changes. So what is done can be seen by looking, and a run
//! that was killed goes on at the first step that is not there.

mod derived;
mod error;
mod journal;
pub mod layout;
mod manifest;
mod step;
mod step_dir;

pub(crate) use derived::bring_to;
pub use error::RunError;
pub use journal::{Entry, Event, Journal, read_journal};
pub use manifest::{Manifest, PluginRecord, SCHEMA};
pub use step::{Step, StepKind};
pub use step_dir::StepDir;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use step_dir::write_durably;

/// A run directory that this process alone may write to.
#[derive(Debug)]
pub struct RunDir {
    root: PathBuf,
    /// Held for as long as the run is open; the system releases it when the process ends, however
    /// it ends.
    _lock: File,
}

impl RunDir {
    /// Makes a run directory. It appears by rename, so it is either complete or not there.
    ///
    /// # Errors
    /// If something is there already, or it cannot be written.
    pub fn create(root: &Path, manifest: &Manifest, config_toml: &str) -> Result<Self, RunError> {
        if root.exists() {
            return Err(RunError::Exists { path: root.to_owned() });
        }
        let partial = layout::partial(root);
        remove_if_there(&partial)?;
        fs::create_dir_all(&partial).map_err(|error| RunError::write(&partial, error))?;
        write_durably(&partial.join(layout::CONFIG), config_toml.as_bytes())?;
        write_durably(&partial.join(layout::LOCK), b"")?;
        write_durably(&partial.join(layout::JOURNAL), b"")?;
        write_durably(&partial.join(layout::MANIFEST), &to_json(manifest)?)?;
        fs::rename(&partial, root).map_err(|error| RunError::write(root, error))?;
        Self::open(root)
    }

    /// Opens a run directory to go on with it.
    ///
    /// # Errors
    /// If it is not one, was written by a newer version, or another process works on it.
    pub fn open(root: &Path) -> Result<Self, RunError> {
        read_manifest(root)?;
        let path = root.join(layout::LOCK);
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| RunError::write(&path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(RunError::Busy { path: root.to_owned() }),
            Err(fs::TryLockError::Error(error)) => Err(RunError::write(&path, error)),
        }
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
    /// If the other run has not finished it, or a file cannot be read or written.
    pub fn adopt(&self, step: &Step, other: &Path) -> Result<(), RunError> {
        let folder = other.join(layout::step(step));
        let work = self.begin(step)?;
        let read = |path: &Path| fs::read(path).map_err(|source| RunError::Read { path: path.to_owned(), source });
        let summary: serde_json::Value = read_json(&folder.join(layout::STEP))?;
        let entries = fs::read_dir(&folder).map_err(|source| RunError::Read { path: folder.clone(), source })?;
        for entry in entries {
            let entry = entry.map_err(|source| RunError::Read { path: folder.clone(), source })?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != layout::STEP {
                work.write(&name, &read(&entry.path())?)?;
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

/// The manifest of the run at `root`, without locking it.
///
/// # Errors
/// If `root` is not a run directory or a newer version wrote it.
pub fn read_manifest(root: &Path) -> Result<Manifest, RunError> {
    let path = root.join(layout::MANIFEST);
    if !path.is_file() {
        return Err(RunError::NotARun { path: root.to_owned() });
    }
    let manifest: Manifest = read_json(&path)?;
    if manifest.schema > SCHEMA {
        return Err(RunError::Newer { path: root.to_owned(), found: manifest.schema, known: SCHEMA });
    }
    Ok(manifest)
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
    let lock = File::open(root.join(layout::LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// Reads a JSON file of a run.
///
/// # Errors
/// If it is not there or does not hold what is expected.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let text = fs::read(path).map_err(|source| RunError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text)
        .map_err(|error| RunError::Content { path: path.to_owned(), message: error.to_string() })
}

/// Reads a file of one JSON value a line.
///
/// # Errors
/// As [`read_json`]; names the line.
pub fn read_json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RunError> {
    let text = fs::read_to_string(path).map_err(|source| RunError::Read { path: path.to_owned(), source })?;
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

fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, RunError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| RunError::Encode(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

fn remove_if_there(path: &Path) -> Result<(), RunError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(RunError::write(path, error)),
        _ => Ok(()),
    }
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
        assert!(matches!(RunDir::open(&root), Err(RunError::Busy { .. })));
        drop(run);
        assert!(RunDir::open(&root).is_ok());
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
