use std::{
    collections::BTreeMap,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ImageKind,
    files::{labels_on, require_folder},
    patient::PatientRule,
};
use crate::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, ImageFacts, LabelMap, LabelSet},
    io::{ImagePlace, Input, Intensity, Reading, file_stem, formats},
};

/// What may follow a case's name in that of its label map.
const ENDINGS: [&str; 3] = ["", "_labels", "_gt"];

/// Settings of [`Images`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImagesConfig {
    /// The folder of images, a DICOMDIR, or a zip archive of DICOM files. Folders in it are looked into; files of DICOM are put
    /// together to images, whatever they are called.
    pub root: PathBuf,
    /// The folder of label maps, relative to `root`: `NAME`, `NAME_labels` or `NAME_gt` with the ending of any format that is read,
    /// of DICOM a segmentation; none where nobody drew any.
    #[serde(default)]
    pub labels: Option<PathBuf>,
    /// What a number in a label map, or of a segment, stands for, where it is not the label itself: `{ "255" = 1 }`.
    #[serde(default)]
    pub read_as: BTreeMap<u32, u8>,
    /// Whose a case is, where its file does not say it, as DICOM does: `"case"`, or how its name begins, as
    /// `{ before = "_", parts = 1 }`.
    #[serde(default)]
    pub patient: PatientRule,
    /// Size of a pixel in mm, `[y, x]`, of files that do not tell it; a file that tells another is refused.
    #[serde(default)]
    pub spacing_mm: Option<[f64; 2]>,
    /// Which intensities of DICOM images are taken: `rescaled` (Hounsfield units), or `shown` (through the file's window, 0 to 1).
    #[serde(default)]
    pub intensity: Intensity,
    /// Whether what lies outside the regions of a DICOM ultrasound image, as burned-in text, is set to 0.
    #[serde(default)]
    pub mask_outside_regions: bool,
}

/// A folder of images of any format, DICOM among them. A case is an image, called as its file is, or by patient, series and number
/// of a DICOM image. It is the component `images` of every plugin that exports it.
pub struct Images<K> {
    config: ImagesConfig,
    labels: LabelSet,
    cases: BTreeMap<CaseId, Case>,
    kind: PhantomData<K>,
}

struct Case {
    input: Input,
    group: String,
    labels: Option<PathBuf>,
}

impl<K: ImageKind> Images<K> {
    /// Lists the images.
    ///
    /// # Errors
    /// If something is not there or cannot be read, there is no image, two have one name, or no label map belongs to any.
    pub fn new(config: ImagesConfig) -> Result<Self> {
        let refuse = |kind, message: String| Err(ComponentError::new(kind, message));
        if config.root.join("dataset.json").is_file() {
            let message = format!(
                "{}: holds a dataset.json, so its folders mean something: read it as `nnunet` or `msd`, or name the folder of \
                 images in it",
                config.root.display()
            );
            return refuse(ErrorKind::Unsupported, message);
        }
        let folder = config.labels.as_ref().map(|labels| config.root.join(labels));
        let label_maps = folder.as_deref().map(label_maps).transpose()?.unwrap_or_default();
        let mut cases = BTreeMap::new();
        for input in Input::find(&config.root)? {
            if folder.as_ref().is_some_and(|folder| input.path().starts_with(folder)) {
                continue;
            }
            let group = match input.patient() {
                Some(patient) => patient.to_owned(),
                None => config.patient.patient_of(&input.name)?,
            };
            let labels = label_maps.get(&input.name).cloned();
            let id = CaseId(input.name.clone());
            let path = input.path();
            if let Some(Case { input: other, .. }) = cases.insert(id, Case { input, group, labels }) {
                let message = format!("{} and {} have one name; rename one", other.path().display(), path.display());
                return refuse(ErrorKind::Inconsistent, message);
            }
        }
        if cases.is_empty() {
            return refuse(ErrorKind::NotFound, format!("{}: there is no image", config.root.display()));
        }
        if let Some(folder) = &folder
            && cases.values().all(|case| case.labels.is_none())
        {
            let message = format!(
                "{}: no label map is called as an image is, as `{}`",
                folder.display(),
                cases.keys().next().map_or("", CaseId::as_str)
            );
            return refuse(ErrorKind::Inconsistent, message);
        }
        Ok(Self { config, labels: K::labels()?, cases, kind: PhantomData })
    }

    fn reading(&self) -> Reading {
        Reading {
            third_axis: Some(K::THIRD_AXIS),
            spacing_mm: self.config.spacing_mm,
            intensity: self.config.intensity,
            mask_outside_regions: self.config.mask_outside_regions,
        }
    }

    fn get(&self, id: &CaseId) -> Result<&Case> {
        self.cases.get(id).ok_or_else(|| {
            let message = format!("{}: there is no case `{id}`", self.config.root.display());
            ComponentError::new(ErrorKind::NotFound, message)
        })
    }
}

/// The label maps of a folder, by the names of their cases.
fn label_maps(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    require_folder(folder)?;
    let mut found = BTreeMap::new();
    for input in Input::find_labels(folder)? {
        let path = input.path();
        let Some(stem) = file_stem(&path) else { continue };
        // The longest ending that fits.
        let case = ENDINGS.iter().rev().find_map(|ending| stem.strip_suffix(ending)).unwrap_or(&stem).to_owned();
        if let Some(other) = found.insert(case, path.clone()) {
            let message = format!("{} and {} are of one case; remove one", other.display(), path.display());
            return Err(ComponentError::new(ErrorKind::Inconsistent, message));
        }
    }
    Ok(found)
}

impl<K: ImageKind> crate::Component for Images<K> {
    const ID: &'static str = "images";
    const DOC: &'static str = "A folder of images of any format, DICOM among them, and one of label maps";
    type Config = ImagesConfig;

    fn new(config: ImagesConfig) -> Result<Self> {
        Self::new(config)
    }
}

impl<K: ImageKind> DataSource for Images<K> {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        let entry = |(id, case): (&CaseId, &Case)| CaseEntry {
            id: id.clone(),
            group: case.group.clone(),
            split: None,
            has_reference: case.labels.is_some(),
        };
        Ok(self.cases.iter().map(entry).collect())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        Ok(self.image_and_facts(id)?.0)
    }

    fn image_and_facts(&self, id: &CaseId) -> Result<(Image, ImageFacts)> {
        Ok(self.get(id)?.input.read(&self.reading())?.into_image_and_facts())
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        let case = self.get(id)?;
        let Some(path) = &case.labels else { return Ok(None) };
        let mapping: Vec<(u32, u8)> = self.config.read_as.iter().map(|(&value, &label)| (value, label)).collect();
        let image = ImagePlace::from(case.input.read(&self.reading())?);
        let found = formats::read_labels_on(path, &self.reading(), &self.labels, &mapping, &image)?;
        labels_on((&case.input.path(), &image.geometry), (path, found)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        conformance,
        domain::{Grid, Label},
        io::nifti::{NiftiGeometry, ThirdAxis, write_image},
    };

    struct Scan;

    impl ImageKind for Scan {
        const THIRD_AXIS: ThirdAxis = ThirdAxis::Depth;

        fn labels() -> Result<LabelSet> {
            let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
            Ok(LabelSet::new(vec![label(0, "background"), label(1, "cavity")])?)
        }
    }

    fn write(path: &Path, spacing: f64, values: &[f32]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let grid = Grid::plane([2, 2], [spacing, spacing]).unwrap();
        write_image(path, &Image::new(grid, 1, values.to_vec()).unwrap(), &NiftiGeometry::for_grid(&grid)).unwrap();
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("x/p1_a.nii.gz"), 0.5, &[1.0, 2.0, 3.0, 4.0]);
        write(&folder.path().join("p2_b.nii"), 0.5, &[5.0, 6.0, 7.0, 8.0]);
        write(&folder.path().join("labels/p1_a_gt.nii"), 0.5, &[0.0, 255.0, 255.0, 0.0]);
        folder
    }

    fn open(folder: &tempfile::TempDir, more: &str) -> Result<Images<Scan>> {
        let json =
            format!(r#"{{ "root": {:?}, "labels": "labels", "patient": {{ "before": "_" }} {more} }}"#, folder.path());
        Images::new(serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn a_folder_becomes_cases_with_their_label_maps() {
        let folder = folder();
        let source = open(&folder, r#", "read_as": { "255": 1 }"#).unwrap();
        let cases = source.cases().unwrap();
        let told: Vec<_> =
            cases.iter().map(|case| (case.id.as_str(), case.group.as_str(), case.has_reference)).collect();
        assert_eq!(told, [("p1_a", "p1", true), ("p2_b", "p2", false)]);
        assert_eq!(source.reference(&cases[0].id).unwrap().unwrap().labels(), [0, 1, 1, 0]);
        assert_eq!(source.reference(&cases[1].id).unwrap(), None);
        conformance::check_data_source(&source).unwrap();
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_both_names() {
        let folder = folder();
        let first = CaseId("p1_a".to_owned());
        let refusal = |more| open(&folder, more).unwrap().reference(&first).unwrap_err().to_string();
        assert!(refusal("").contains("label 255"));
        write(&folder.path().join("labels/p1_a_gt.nii"), 0.6, &[0.0; 4]);
        assert!(refusal("").contains("do not lie on each other"));
        write(&folder.path().join("y/p2_b.nii.gz"), 0.5, &[0.0; 4]);
        assert!(open(&folder, "").err().unwrap().to_string().contains("have one name"));
        fs::remove_dir_all(folder.path().join("y")).unwrap();
        write(&folder.path().join("labels/p1_a.nii"), 0.5, &[0.0; 4]);
        assert!(open(&folder, "").err().unwrap().to_string().contains("are of one case"));
        fs::remove_dir_all(folder.path().join("labels")).unwrap();
        write(&folder.path().join("labels/other.nii"), 0.5, &[0.0; 4]);
        assert!(open(&folder, "").err().unwrap().to_string().contains("no label map is called as an image is"));
    }
}
