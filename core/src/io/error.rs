use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{
    component::{ComponentError, ErrorKind},
    domain::DomainError,
};

/// A file that cannot be read, cannot be written, or does not hold what it should.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IoError {
    /// There is no such file.
    #[error("{}: there is no such file", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The operating system would not give the bytes.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The operating system would not take the bytes.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file ends before it should.
    #[error("{}: {what} cut short: {found} of {expected} bytes; copy or download the file again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Which part of it, with its verb, as `the header is`.
        what: &'static str,
        /// Bytes there.
        found: u64,
        /// Bytes that should be there.
        expected: u64,
    },
    /// Not the format that it should be.
    #[error("{}: {detail}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found, and what was expected.
        detail: String,
    },
    /// A valid file of a kind that cannot be taken.
    #[error("{}: {detail}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What was found, what can be taken, how to convert it.
        detail: String,
    },
    /// A header field with an impossible value.
    #[error("{}: header field {field} is {found}; expected {expected}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, as the NIfTI standard names it.
        field: String,
        /// Its value.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// Voxels that are NaN or infinite.
    #[error(
        "{}: {count} of {total} voxels are NaN or infinite, the first at [slow, y, x] = {at:?}; mend or leave out the file",
        path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
        /// Of how many.
        total: usize,
        /// Where the first is.
        at: [usize; 3],
    },
    /// A voxel that is no label.
    #[error("{}: label {found} at [slow, y, x] = {at:?}, the file has {values}; expected one of {expected}", path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// The value found.
        found: f64,
        /// Where it was found first.
        at: [usize; 3],
        /// All values that the file has, or that they are many.
        values: String,
        /// The values that are labels, with their names.
        expected: String,
    },
    /// The file was read, but what it holds contradicts itself or what it belongs to.
    #[error("{}: {source}", path.display())]
    Domain {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DomainError,
    },
}

impl IoError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Read { .. } | Self::Truncated { .. } | Self::Format { .. } => ErrorKind::Unreadable,
            Self::Write { .. } => ErrorKind::Other,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::Field { .. } | Self::Label { .. } | Self::Domain { .. } => ErrorKind::Inconsistent,
            Self::NotFinite { .. } => ErrorKind::NotFinite,
        }
    }
}

impl From<IoError> for ComponentError {
    fn from(error: IoError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}
