//! What formats beside NIfTI have in common: axes of voxels in the patient's space, and files that name others.

use std::{
    fs::{self, DirEntry, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use super::{
    IoError,
    angles::require_right_angles,
    nifti::{NiftiGeometry, ThirdAxis},
};
use crate::domain::{Grid, SlowAxis};

/// Where the first voxel lies, mm, and the way from one to the next along x, y and z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axes {
    pub origin: [f64; 3],
    pub steps: [[f64; 3]; 3],
}

impl Axes {
    /// The same in coordinates whose axes run the other way where the sign is negative.
    pub(super) fn signed(self, sign: [f64; 3]) -> Self {
        // Not -0, which would be written so.
        let turned = |place: [f64; 3]| [0, 1, 2].map(|row| sign[row] * place[row] + 0.0);
        Self { origin: turned(self.origin), steps: self.steps.map(turned) }
    }

    /// The geometry of voxels `[slow, y, x]`; what is slow is depth unless `third_axis` says otherwise, or nothing where there is
    /// one plane. Coordinates are RAS+.
    pub(super) fn geometry(
        &self,
        path: &Path,
        shape: [usize; 3],
        third_axis: ThirdAxis,
    ) -> Result<NiftiGeometry, IoError> {
        let [x, y, z] = self.steps.map(|step| step.iter().map(|part| part * part).sum::<f64>().sqrt());
        let slow = match (shape[0], third_axis) {
            (1, _) => SlowAxis::Single,
            (_, ThirdAxis::Time) => SlowAxis::Time { interval_ms: None },
            (_, ThirdAxis::Depth) => SlowAxis::Depth { spacing_mm: z },
        };
        let grid =
            Grid::new(shape, [y, x], slow).map_err(|source| IoError::Domain { path: path.to_owned(), source })?;
        let [a, b, c] = self.steps;
        let affine = [0, 1, 2].map(|row| [a[row], b[row], c[row], self.origin[row]]);
        require_right_angles(path, &affine, &grid)?;
        Ok(NiftiGeometry::placed(&grid, affine))
    }
}

/// Whether a name that stands in a header leads to a file in the header's folder.
pub(super) fn stays_in_folder(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Passes over bytes.
pub(super) fn skip(path: &Path, from: &mut impl Read, len: u64) -> Result<(), IoError> {
    io::copy(&mut from.take(len), &mut io::sink()).map(drop).map_err(|source| read_error(path, source))
}

/// The first bytes of a file, `len` or as many as there are.
pub(super) fn first_bytes(path: &Path, len: usize) -> Result<Vec<u8>, IoError> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(len as u64).read_to_end(&mut start));
    read.map(|_| start).map_err(|source| read_error(path, source))
}

/// The wanted files in a folder and the folders in it, in the order of their names.
pub(super) fn files_in(folder: &Path, is_wanted: fn(&DirEntry) -> bool) -> Result<Vec<PathBuf>, IoError> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let unreadable = |source| IoError::Read { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            // A link could lead back to where it lies.
            if entry.file_type().map_err(unreadable)?.is_dir() {
                folders.push(entry.path());
            } else if is_wanted(&entry) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

pub(super) fn read_error(path: &Path, source: io::Error) -> IoError {
    match source.kind() {
        io::ErrorKind::NotFound => IoError::NotFound { path: path.to_owned() },
        _ => IoError::Read { path: path.to_owned(), source },
    }
}
