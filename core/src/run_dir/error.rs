use std::{io, path::PathBuf};

use thiserror::Error;

use super::Holder;

/// Why a run's files cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The folder to be made is there already.
    #[error("{} is there already; choose another output, or continue it with `rl4seg adapt {}`", path.display(), path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is not a run.
    #[error(
        "{} is not a run directory: {}. Name a folder that `rl4seg adapt` has made; as the output of a new run, one that is not \
         there yet",
        path.display(),
        if path.exists() { "it has no manifest.json" } else { "there is no such folder" }
    )]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A newer version wrote it.
    #[error(
        "{} was written by rl4seg {version} in schema {found}, this program, version {}, knows schemas up to {known}: use rl4seg {version} \
         or newer, or begin another run",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The version that wrote it.
        version: String,
        /// The newest schema known here.
        known: u32,
    },
    /// Another process works on it.
    #[error("{} is in use by {}; wait for it, or stop it", path.display(), holder.as_ref().map_or_else(|| "another rl4seg".to_owned(), ToString::to_string))]
    Busy {
        /// The folder.
        path: PathBuf,
        /// The process, where it says who it is.
        holder: Option<Holder>,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written, as on a full disk. Finished steps are untouched.
    #[error("cannot write {}: {source}; finished steps are kept: {} and run the same command again", path.display(), remedy(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file system does not lock files, so that nothing would keep two processes apart.
    #[error(
        "cannot lock {}: {source}; its file system gives no locks, and without one two processes could write to one run: choose an \
         output on a local disk",
        path.display()
    )]
    NoLocks {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A value cannot be put into a file.
    #[error("cannot encode: {0}")]
    Encode(String),
}

/// What lets the file be written.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "make the folder writable",
        io::ErrorKind::NotFound => "choose an output in a folder that can be written to",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "move the file that is where a folder should be",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => "make room",
        _ => "see to the disk or network folder, which fails, or copy the run to another,",
    }
}

impl RunError {
    pub(super) fn write(path: &std::path::Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_advised_fits_what_the_system_said() {
        let cases = [
            (io::ErrorKind::StorageFull, "kept: make room and run the same command again"),
            (io::ErrorKind::QuotaExceeded, "make room"),
            (io::ErrorKind::FileTooLarge, "make room"),
            (io::ErrorKind::ReadOnlyFilesystem, "make the folder writable"),
            (io::ErrorKind::Other, "the disk or network folder, which fails"),
            (io::ErrorKind::Unsupported, "the disk or network folder, which fails"),
        ];
        for (kind, advice) in cases {
            let told = RunError::write(std::path::Path::new("run/a"), kind.into()).to_string();
            assert!(told.contains(advice), "{kind:?}: {told}");
        }
    }
}
