use std::fs;

use tempfile::TempDir;

use crate::{
    Kind,
    memory::{FLOOR, MOST, measured},
};

/// A folder in which bytes are opened as files of one kind.
pub struct Trial {
    kind: Kind,
    folder: TempDir,
}

/// What became of a file.
#[derive(Debug)]
pub struct Tried {
    /// Why it was refused, if it was.
    pub outcome: Result<(), String>,
    /// The most memory that it took, in bytes; 0 where [`crate::Counting`] is not the global allocator.
    pub memory: usize,
}

impl Trial {
    /// A folder for files of this kind.
    ///
    /// # Panics
    /// If the system gives none.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        kind.prepare(folder.path());
        Self { kind, folder }
    }

    /// Opens bytes as a file of the kind.
    ///
    /// # Panics
    /// If the bytes cannot be written, or it took more memory than its size explains: [`FLOOR`] and [`MOST`] for each of its bytes.
    #[must_use]
    pub fn open(&self, bytes: &[u8]) -> Tried {
        let path = self.folder.path().join(self.kind.file_name());
        fs::write(&path, bytes).unwrap();
        let (outcome, memory) = measured(|| self.kind.open(&path));
        assert!(
            memory <= FLOOR + MOST * bytes.len(),
            "{}: {memory} bytes of memory for a file of {}",
            self.kind.name(),
            bytes.len()
        );
        Tried { outcome, memory }
    }
}
