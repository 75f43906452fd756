//! What all folders of NIfTI files have in common.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rl4seg_sdk::{
    component::{ComponentError, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, LabelMap, LabelSet},
    io::nifti::{self, NiftiGeometry, ThirdAxis},
};

/// Ultrasound is a sequence of planes: a third axis is time.
const THIRD_AXIS: ThirdAxis = ThirdAxis::Time;

/// A case and its files.
#[derive(Debug, Clone)]
pub(super) struct CaseFiles {
    pub(super) entry: CaseEntry,
    pub(super) image: PathBuf,
    /// The expert's label map, where there is one.
    pub(super) labels: Option<PathBuf>,
}

/// The cases of a folder, in an order that never changes.
#[derive(Debug)]
pub(super) struct CaseTable {
    /// What the cases were listed from.
    origin: PathBuf,
    cases: Vec<CaseFiles>,
    by_id: BTreeMap<CaseId, usize>,
}

impl CaseTable {
    /// # Errors
    /// If there is no case, two have one name, or the image of one is not there.
    pub(super) fn new(origin: PathBuf, cases: Vec<CaseFiles>) -> Result<Self> {
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

    pub(super) fn entries(&self) -> Vec<CaseEntry> {
        self.cases.iter().map(|case| case.entry.clone()).collect()
    }

    pub(super) fn get(&self, id: &CaseId) -> Result<&CaseFiles> {
        self.by_id.get(id).map(|&index| &self.cases[index]).ok_or_else(|| {
            let message = format!("{}: there is no case `{id}`", self.origin.display());
            ComponentError::new(ErrorKind::NotFound, message)
        })
    }
}

impl CaseFiles {
    pub(super) fn image(&self) -> Result<Image> {
        Ok(nifti::read_image(&self.image, THIRD_AXIS)?.image)
    }

    /// The expert's label map, refused where its header does not place it on the image.
    pub(super) fn reference(&self, labels: &LabelSet, mapping: &[(u32, u8)]) -> Result<Option<LabelMap>> {
        let Some(path) = &self.labels else { return Ok(None) };
        let image = NiftiGeometry::read(&self.image, THIRD_AXIS)?;
        let found = nifti::read_labels(path, THIRD_AXIS, labels, mapping)?;
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
pub(super) fn require_folder(root: &Path) -> Result<()> {
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

pub(super) fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let kind =
            if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Unreadable };
        ComponentError::new(kind, format!("{}: {error}", path.display()))
    })
}
