use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{Checkpoint, RunError, json_lines, layout, manifest::sha256, sums, to_json};
use crate::io::{sync_folder_of, write_durably};

/// The folder of a step that is being worked on. Dropped without [`StepDir::commit`], the step
/// never happened.
#[derive(Debug)]
pub struct StepDir {
    partial: PathBuf,
    finished: PathBuf,
}

impl StepDir {
    pub(super) fn begin(finished: &Path) -> Result<Self, RunError> {
        if finished.exists() {
            let message = format!(
                "has no {}, so it is not a finished step, and its name is taken; move the folder away and run again",
                layout::STEP
            );
            return Err(RunError::Content { path: finished.to_owned(), message });
        }
        let partial = layout::partial(finished);
        let prepare = || {
            fs::create_dir_all(&partial)?;
            remove_all_but_the_checkpoint(&partial)?;
            partial.ancestors().take(3).try_for_each(sync_folder_of)
        };
        prepare().map_err(|error| RunError::write(&partial, error))?;
        Ok(Self { partial, finished: finished.to_owned() })
    }

    /// Where its files are for now.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Writes a file and waits until it is on the disk.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let path = self.partial.join(name);
        write_durably(&path, bytes).map_err(|error| RunError::write(&path, error))
    }

    /// Keeps where the step stands. An attempt that is interrupted after this can go on from here.
    ///
    /// # Errors
    /// As [`StepDir::write`].
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<(), RunError> {
        self.write(layout::CHECKPOINT, &checkpoint.to_bytes()?)
    }

    /// What an interrupted attempt saved last, if it saved anything, and the file's name.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn saved(&self) -> Result<Option<(Checkpoint, PathBuf)>, RunError> {
        saved_in(&self.partial)
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// As [`StepDir::write`].
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), RunError> {
        self.write(name, &to_json(value)?)
    }

    /// Writes values as JSON, one a line.
    ///
    /// # Errors
    /// As [`StepDir::write`].
    pub fn write_json_lines<T: Serialize>(&self, name: &str, values: &[T]) -> Result<(), RunError> {
        self.write(name, &json_lines(values)?)
    }

    /// Writes what the step came to, and the sums of its files, and gives the folder its name: the step is complete.
    ///
    /// # Errors
    /// If the summary cannot be written or the folder cannot be renamed.
    pub fn commit<T: Serialize>(self, summary: &T) -> Result<(), RunError> {
        let summary = to_json(summary)?;
        let mut sums = sums::of_files(&self.partial)?;
        sums.remove(layout::CHECKPOINT);
        sums.insert(layout::STEP.to_owned(), sha256(&summary));
        self.write(layout::SUMS, sums::to_text(&sums).as_bytes())?;
        self.write(layout::STEP, &summary)?;
        rename(&self.partial, &self.finished)
    }
}

/// What an attempt at a step saved last in the folder where it is put together, and the file's name.
pub(super) fn saved_in(partial: &Path) -> Result<Option<(Checkpoint, PathBuf)>, RunError> {
    let path = partial.join(layout::CHECKPOINT);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some((Checkpoint::read(&path)?, path)))
}

/// Gives its name to every folder of `iteration` whose step had come so far that this alone was left when it was interrupted.
pub(super) fn rename_complete(iteration: &Path) -> Result<(), RunError> {
    let failed = |error| RunError::write(iteration, error);
    for entry in fs::read_dir(iteration).map_err(failed)? {
        let partial = entry.map_err(failed)?.path();
        if let Some(finished) = layout::finished(&partial).filter(|_| partial.join(layout::STEP).is_file()) {
            rename(&partial, &finished)?;
        }
    }
    Ok(())
}

fn rename(partial: &Path, finished: &Path) -> Result<(), RunError> {
    let rename = || {
        match fs::remove_file(partial.join(layout::CHECKPOINT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::rename(partial, finished)?,
        }
        sync_folder_of(finished)
    };
    rename().map_err(|error| RunError::write(finished, error))
}

fn remove_all_but_the_checkpoint(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != layout::CHECKPOINT {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
