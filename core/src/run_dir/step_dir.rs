use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{RunError, layout, remove_if_there, to_json};

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
        remove_if_there(&partial)?;
        fs::create_dir_all(&partial).map_err(|error| RunError::write(&partial, error))?;
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
        write_durably(&self.partial.join(name), bytes)
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
        let mut text = Vec::new();
        for value in values {
            serde_json::to_writer(&mut text, value).map_err(|error| RunError::Encode(error.to_string()))?;
            text.push(b'\n');
        }
        self.write(name, &text)
    }

    /// Writes what the step came to and gives the folder its name: the step is complete.
    ///
    /// # Errors
    /// If the summary cannot be written or the folder cannot be renamed.
    pub fn commit<T: Serialize>(self, summary: &T) -> Result<(), RunError> {
        self.write_json(layout::STEP, summary)?;
        fs::rename(&self.partial, &self.finished).map_err(|error| RunError::write(&self.finished, error))?;
        sync_folder(&self.finished)
    }
}

/// A rename is on the disk only when the folder around it is.
fn sync_folder(path: &Path) -> Result<(), RunError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if cfg!(unix) {
        let folder = File::open(parent).map_err(|error| RunError::write(parent, error))?;
        folder.sync_all().map_err(|error| RunError::write(parent, error))?;
    }
    Ok(())
}

pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| RunError::write(path, error))
}
