//! What all folders of images and label maps have in common.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use serde::de::DeserializeOwned;

use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, ImageFacts, LabelMap, LabelSet},
    io::{
        PlacedLabels, Reading,
        formats::{read_image, read_labels_on, read_place},
        nifti::{NiftiGeometry, ThirdAxis},
    },
};

/// A case and its files, of any format that is read.
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
    /// If there is no case, two have one name, or the image or the label map of one is not there.
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
        require_files(&origin, "images", cases.iter().map(|case| &case.image))?;
        require_files(&origin, "label maps", cases.iter().filter_map(|case| case.labels.as_ref()))?;
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
        self.image_by(&by_axis(third_axis))
    }

    /// The same, and what else the file tells.
    ///
    /// # Errors
    /// As [`CaseFiles::image`].
    pub fn image_and_facts(&self, third_axis: ThirdAxis) -> Result<(Image, ImageFacts)> {
        self.image_and_facts_by(&by_axis(third_axis))
    }

    /// The image, of a file that leaves open what `reading` says.
    ///
    /// # Errors
    /// If the file cannot be read, or has another spacing than `reading`.
    pub fn image_by(&self, reading: &Reading) -> Result<Image> {
        Ok(self.image_and_facts_by(reading)?.0)
    }

    /// The same, and what else the file tells.
    ///
    /// # Errors
    /// As [`CaseFiles::image_by`].
    pub fn image_and_facts_by(&self, reading: &Reading) -> Result<(Image, ImageFacts)> {
        Ok(read_image(&self.image, reading)?.into_image_and_facts())
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
        self.reference_by(&by_axis(third_axis), labels, mapping)
    }

    /// The expert's label map, if there is one, of a file that leaves open what `reading` says.
    ///
    /// # Errors
    /// As [`CaseFiles::reference`], and if a file has another spacing than `reading`.
    pub fn reference_by(
        &self,
        reading: &Reading,
        labels: &LabelSet,
        mapping: &[(u32, u8)],
    ) -> Result<Option<LabelMap>> {
        let Some(path) = &self.labels else { return Ok(None) };
        let image = read_place(&self.image, reading)?;
        let found = read_labels_on(path, reading, labels, mapping, &image)?;
        labels_on((&self.image, &image.geometry), (path, found)).map(Some)
    }
}

/// The labels of a file, if they lie on the image that they belong to.
pub(super) fn labels_on(
    (image, geometry): (&Path, &NiftiGeometry),
    (path, found): (&Path, PlacedLabels),
) -> Result<LabelMap> {
    let Some(difference) = geometry.difference(&found.geometry) else { return Ok(found.labels) };
    let message = format!(
        "{} and {} do not lie on each other: {difference}; expected the same shape, spacing and affine",
        image.display(),
        path.display()
    );
    Err(ComponentError::new(ErrorKind::Inconsistent, message))
}

fn by_axis(third_axis: ThirdAxis) -> Reading {
    Reading { third_axis: Some(third_axis), ..Reading::default() }
}

fn require_files<'a>(origin: &Path, what: &str, files: impl Iterator<Item = &'a PathBuf> + Clone) -> Result<()> {
    let mut missing = files.clone().filter(|file| !file.is_file());
    let Some(first) = missing.next() else { return Ok(()) };
    let message = format!(
        "{}: the {what} of {} of {} cases are missing, the first is {}",
        origin.display(),
        1 + missing.count(),
        files.count(),
        first.display()
    );
    Err(ComponentError::new(ErrorKind::NotFound, message))
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

/// The names of the files in `folder` that end in `ending`, in order and without it. Hidden files are left out: macOS puts one
/// beside every file that it packs.
///
/// # Errors
/// If `folder` cannot be listed.
pub fn files_ending(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let unreadable = |error| ComponentError::new(ErrorKind::Unreadable, format!("{}: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let stem = name.strip_suffix(ending).filter(|stem| !stem.is_empty() && !stem.starts_with('.'));
        if let Some(stem) = stem.filter(|_| entry.path().is_file()) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The file that a list in the folder `root` names, relative to it or absolute. A name with `..` is refused: it would lead to
/// whatever lies around the data.
///
/// # Errors
/// If there is a `..`, or nothing; the message does not name the list.
pub fn listed_path(root: &Path, name: &str) -> Result<PathBuf> {
    let parts = || Path::new(name).components();
    if name.is_empty() || parts().any(|part| part == Component::ParentDir) {
        let message = format!("`{name}`; expected a path within the folder, without `..`, or an absolute one");
        return Err(ComponentError::new(ErrorKind::Inconsistent, message));
    }
    Ok(root.join(parts().filter(|part| *part != Component::CurDir).collect::<PathBuf>()))
}

/// A JSON file.
///
/// # Errors
/// If it is not there, or is not of the form of `T`; names file, line and field.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&read_text(path)?)
        .map_err(|error| ComponentError::new(ErrorKind::Unreadable, format!("{}: {error}", path.display())))
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
