//! A folder of NIfTI files: a data source.
//!
//! ```text
//! root/images/ID.nii.gz     the images
//! root/labels/ID.nii.gz     experts' label maps, where there are some
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use rl4seg_sdk::{
    io::nifti::{ThirdAxis, read_image, read_labels},
    prelude::*,
};

/// What a third axis is; a file of one plane has none.
const THIRD_AXIS: ThirdAxis = ThirdAxis::Depth;
const SUFFIX: &str = ".nii.gz";

/// The cases of a folder.
struct Folder {
    root: PathBuf,
    labels: LabelSet,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
struct FolderConfig {
    /// The folder above `images` and `labels`.
    root: PathBuf,
}

impl Component for Folder {
    const ID: &'static str = "folder";
    const DOC: &'static str = "A folder with images/ID.nii.gz and labels/ID.nii.gz";
    type Config = FolderConfig;

    fn new(FolderConfig { root }: FolderConfig) -> Result<Self> {
        let images = root.join("images");
        if !images.is_dir() {
            let message = format!("{}: there is no such folder; `root` is the folder above it", images.display());
            return Err(ComponentError::new(ErrorKind::NotFound, message));
        }
        let label = |value, name: &str, color| Label { value, name: name.to_owned(), color };
        let labels = LabelSet::new(vec![label(0, "background", [0; 3]), label(1, "organ", [220, 60, 60])])?;
        Ok(Self { root, labels })
    }
}

impl Folder {
    fn file(&self, folder: &str, id: &CaseId) -> PathBuf {
        self.root.join(folder).join(format!("{id}{SUFFIX}"))
    }
}

impl DataSource for Folder {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// Each case is of a patient of its own; where patients have several, `group` tells them apart.
    fn cases(&self) -> Result<Vec<CaseEntry>> {
        let mut cases = Vec::new();
        for name in file_names(&self.root.join("images"))? {
            let Some(id) = name.strip_suffix(SUFFIX) else { continue };
            let id = CaseId(id.to_owned());
            let has_reference = self.file("labels", &id).is_file();
            cases.push(CaseEntry { group: id.to_string(), id, split: None, has_reference });
        }
        Ok(cases)
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        Ok(read_image(&self.file("images", id), THIRD_AXIS)?.image)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        let file = self.file("labels", id);
        if !file.is_file() {
            return Ok(None);
        }
        Ok(Some(read_labels(&file, THIRD_AXIS, &self.labels, &[])?.labels))
    }
}

/// The files of a folder in an order that never changes.
fn file_names(folder: &Path) -> Result<Vec<String>> {
    let unreadable = |error: std::io::Error| {
        ComponentError::new(ErrorKind::Unreadable, format!("{}: cannot be listed: {error}", folder.display()))
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

export_plugin! {
    data_sources: [Folder];
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::{
        conformance,
        fixtures::label_map,
        io::nifti::{NiftiGeometry, write_image, write_labels},
    };

    use super::*;

    #[test]
    fn it_keeps_what_data_sources_promise() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("images")).unwrap();
        fs::create_dir_all(root.path().join("labels")).unwrap();
        let labels = label_map(&["..11", ".111"]);
        let image = Image::new(*labels.grid(), 1, vec![0.25; 8]).unwrap();
        let geometry = NiftiGeometry::for_grid(labels.grid());
        for id in ["a", "b"] {
            write_image(&root.path().join(format!("images/{id}.nii.gz")), &image, &geometry).unwrap();
        }
        write_labels(&root.path().join("labels/a.nii.gz"), &labels, &geometry).unwrap();
        let source = Folder::new(FolderConfig { root: root.path().to_owned() }).unwrap();
        assert_eq!(source.cases().unwrap().iter().map(|case| case.has_reference).collect::<Vec<_>>(), [true, false]);
        conformance::check_data_source(&source).unwrap();
    }
}
