//! What all folders of NIfTI files have in common.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, LabelMap, LabelSet},
    io::nifti::{self, NiftiGeometry, ThirdAxis},
};

/// A case and its NIfTI files.
#[derive(Debug, Clone)]
pub struct CaseFiles {
    /// What the case is called, whose it is, and what it is for.
    pub entry: CaseEntry,
    /// The image.
    pub image: PathBuf,
    /// The expert's label map, where there is one.
    pub labels: Option<PathBuf>,
}

/// The cases of a folder, in an order that never changes.
#[derive(Debug)]
pub struct CaseTable {
    /// What the cases were listed from.
    origin: PathBuf,
    cases: Vec<CaseFiles>,
    by_id: BTreeMap<CaseId, usize>,
}

impl CaseTable {
    /// The cases that `origin`, a file or folder, lists.
    ///
    /// # Errors
    /// If there is no case, two have one name, or the image of one is not there.
    pub fn new(origin: PathBuf, cases: Vec<CaseFiles>) -> Result<Self> {
        if cases.is_empty() {
            return Err(ComponentError::new(ErrorKind::NotFound, format!("{}: there is no case", origin.display())));
        }
        let mut by_id = BTreeMap::new();
        for (index, case) in cases.iter().enumerate() {
            if by_id.insert(case.entry.id.clone(), index).is_some() {
                let message = format!("{}: case `{}` stands there twice", origin.display(), case.entry.id);
                return Err(ComponentError::new(ErrorKind::Inconsistent, message));
            }
        }
        let missing: Vec<&CaseFiles> = cases.iter().filter(|case| !case.image.is_file()).collect();
        if let Some(first) = missing.first() {
            let message = format!(
                "{}: the images of {} of {} cases are missing, the first is {}",
                origin.display(),
                missing.len(),
                cases.len(),
                first.image.display()
            );
            return Err(ComponentError::new(ErrorKind::NotFound, message));
        }
        Ok(Self { origin, cases, by_id })
    }

    /// All cases.
    #[must_use]
    pub fn entries(&self) -> Vec<CaseEntry> {
        self.cases.iter().map(|case| case.entry.clone()).collect()
    }

    /// The case that is called `id`.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, id: &CaseId) -> Result<&CaseFiles> {
        self.by_id.get(id).map(|&index| &self.cases[index]).ok_or_else(|| {
            let message = format!("{}: there is no case `{id}`", self.origin.display());
            ComponentError::new(ErrorKind::NotFound, message)
        })
    }
}

impl CaseFiles {
    /// The image; `third_axis` says what a third axis of the file is.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn image(&self, third_axis: ThirdAxis) -> Result<Image> {
        Ok(nifti::read_image(&self.image, third_axis)?.image)
    }

    /// The expert's label map, if there is one. `mapping` turns labels of the file into others.
    ///
    /// # Errors
    /// If the file cannot be read, has a label that is not in `labels`, or does not lie on the image.
    pub fn reference(
        &self,
        third_axis: ThirdAxis,
        labels: &LabelSet,
        mapping: &[(u32, u8)],
    ) -> Result<Option<LabelMap>> {
        let Some(path) = &self.labels else { return Ok(None) };
        let image = NiftiGeometry::read(&self.image, third_axis)?;
        let found = nifti::read_labels(path, third_axis, labels, mapping)?;
        match image.difference(&found.geometry) {
            None => Ok(Some(found.labels)),
            Some(difference) => {
                let message = format!(
                    "{} and {} do not lie on each other: {difference}; expected the same shape, spacing and affine",
                    self.image.display(),
                    path.display()
                );
                Err(ComponentError::new(ErrorKind::Inconsistent, message))
            }
        }
    }
}

/// Refuses a root that is not a folder.
///
/// # Errors
/// If it is not there, or is a file.
pub fn require_folder(root: &Path) -> Result<()> {
    if root.is_dir() {
        return Ok(());
    }
    let message = if root.exists() {
        format!("{}: is a file; expected a folder", root.display())
    } else {
        format!("{}: there is no such folder; mend `root` in the configuration", root.display())
    };
    Err(ComponentError::new(ErrorKind::NotFound, message))
}

/// The names of the folders in `folder` that begin with `prefix`, in order.
///
/// # Errors
/// If `folder` cannot be listed.
pub fn folders_named(folder: &Path, prefix: &str) -> Result<Vec<String>> {
    let unreadable = |error| ComponentError::new(ErrorKind::Unreadable, format!("{}: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(prefix) && entry.path().is_dir() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// A text file.
///
/// # Errors
/// If it is not there, or is not text; names it.
pub fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let kind =
            if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Unreadable };
        ComponentError::new(kind, format!("{}: {error}", path.display()))
    })
}
