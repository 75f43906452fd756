//! Data sets as nnU-Net (version 2; Isensee et al. 2021) wants them.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ImageKind,
    files::{CaseFiles, CaseTable, files_ending, listed_path, read_json, require_folder},
    folds::Fold,
    label_names::{LabelNames, Labelling},
    patient::PatientRule,
};
use crate::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, ImageFacts, LabelMap, LabelSet, Split},
    io::Reading,
};

/// Settings of [`Nnunet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NnunetConfig {
    /// The folder with `dataset.json`, `imagesTr` and `labelsTr`, as `nnUNet_raw/Dataset027_ACDC`.
    pub root: PathBuf,
    /// The channel to take, counted from 0; needed where the data set has several.
    #[serde(default)]
    pub channel: Option<usize>,
    /// What labels become whose names are not the modality's: `{ "LV cavity" = "left ventricle" }`, `"background"` for none.
    #[serde(default)]
    pub labels: LabelNames,
    /// Structures of the modality that nobody drew in this data set.
    #[serde(default)]
    pub unlabelled: Vec<String>,
    /// How a case's name tells its patient: `"case"`, or `{ before = "_", parts = 1 }`.
    #[serde(default)]
    pub patient: PatientRule,
    /// The fold of `splits` that gives training and validation cases; else they are left to `[splits]`.
    #[serde(default)]
    pub fold: Option<usize>,
    /// The list of folds, which nnU-Net keeps in `nnUNet_preprocessed`; relative to `root`.
    #[serde(default = "splits_final")]
    pub splits: PathBuf,
    /// Size of a pixel in mm, `[y, x]`, for formats that do not tell it, as PNG.
    #[serde(default)]
    pub spacing_mm: Option<[f64; 2]>,
}

fn splits_final() -> PathBuf {
    "splits_final.json".into()
}

/// A folder with `dataset.json`, images as `imagesTr/CASE_0000.nii.gz` and label maps as `labelsTr/CASE.nii.gz`; those of
/// `imagesTs` are test cases, with references where `labelsTs` has them.
///
/// Labels are matched to those of `K` by name. It is the component `nnunet` of every plugin that exports it.
pub struct Nnunet<K> {
    labels: LabelSet,
    labelling: Labelling,
    table: CaseTable,
    reading: Reading,
    kind: PhantomData<K>,
}

impl<K: ImageKind> Nnunet<K> {
    /// Reads `dataset.json` and sees that every file is there.
    ///
    /// # Errors
    /// If the folder or a file is not there, `dataset.json` is not of version 2 or disagrees with the files, labels do not match, there
    /// are several channels and none is chosen, or a fold does not fit the cases.
    pub fn new(config: &NnunetConfig) -> Result<Self> {
        require_folder(&config.root)?;
        let dataset = Dataset::read(config)?;
        let labels = K::labels()?;
        let found = dataset.labels()?;
        let labelling = Labelling::new(&dataset.path, found, &labels, &config.labels, &config.unlabelled)?;
        let mut cases = dataset.training()?;
        dataset.check_number(cases.len())?;
        if let Some(fold) = config.fold {
            Fold::read(&config.root.join(&config.splits), fold)?.assign(&mut cases)?;
        }
        cases.extend(dataset.test()?);
        let reading = Reading { third_axis: Some(K::THIRD_AXIS), spacing_mm: config.spacing_mm, ..Reading::default() };
        Ok(Self { labels, labelling, table: CaseTable::new(dataset.path, cases)?, reading, kind: PhantomData })
    }
}

impl<K: ImageKind> crate::Component for Nnunet<K> {
    const ID: &'static str = "nnunet";
    const DOC: &'static str = "A data set of nnU-Net v2: dataset.json, imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz";
    type Config = NnunetConfig;

    fn new(config: NnunetConfig) -> Result<Self> {
        Self::new(&config)
    }
}

impl<K: ImageKind> DataSource for Nnunet<K> {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        Ok(self.table.entries())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        self.table.get(id)?.image_by(&self.reading)
    }

    fn image_and_facts(&self, id: &CaseId) -> Result<(Image, ImageFacts)> {
        self.table.get(id)?.image_and_facts_by(&self.reading)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        self.labelling.reference(self.table.get(id)?, &self.reading)
    }
}

/// The keys of `dataset.json` that matter here.
#[derive(Debug, Deserialize)]
struct DatasetJson {
    channel_names: BTreeMap<String, String>,
    labels: BTreeMap<String, Value>,
    #[serde(rename = "numTraining")]
    num_training: usize,
    file_ending: String,
    #[serde(default)]
    dataset: Option<BTreeMap<String, ListedCase>>,
}

/// A training case whose files lie anywhere.
#[derive(Debug, Deserialize)]
struct ListedCase {
    images: Vec<String>,
    label: String,
}

struct Dataset<'a> {
    path: PathBuf,
    config: &'a NnunetConfig,
    json: DatasetJson,
    channel: usize,
}

impl<'a> Dataset<'a> {
    fn read(config: &'a NnunetConfig) -> Result<Self> {
        let path = config.root.join("dataset.json");
        let json: Value = read_json(&path)?;
        if json.get("channel_names").is_none() && json.get("modality").is_some() {
            let detail = "has `modality` in place of `channel_names`: it is of the Medical Segmentation Decathlon or of nnU-Net's \
                          first version; read it with the data source `msd`";
            return Err(refuse(&path, ErrorKind::Unsupported, detail));
        }
        let json: DatasetJson =
            serde_json::from_value(json).map_err(|error| refuse(&path, ErrorKind::Unreadable, &error.to_string()))?;
        let mut dataset = Self { path, config, json, channel: 0 };
        dataset.channel = dataset.channel()?;
        let ending = &dataset.json.file_ending;
        if !ending.starts_with('.') || ending.contains(['/', '\\']) {
            return Err(dataset.refuse(&format!("file_ending is `{ending}`; expected one as `.nii.gz`")));
        }
        Ok(dataset)
    }

    fn channel(&self) -> Result<usize> {
        let names = &self.json.channel_names;
        let numbered: Option<Vec<&String>> = (0..names.len()).map(|index| names.get(&index.to_string())).collect();
        let Some(numbered) = numbered.filter(|numbered| !numbered.is_empty()) else {
            let found: Vec<&str> = names.keys().map(String::as_str).collect();
            let found = found.join(", ");
            return Err(self.refuse(&format!("channel_names has the keys {found}; expected 0, 1, 2, ...")));
        };
        let listed: Vec<String> = (0..).zip(&numbered).map(|(index, name)| format!("{index} {name}")).collect();
        let listed = listed.join(", ");
        match self.config.channel {
            Some(channel) if channel < numbered.len() => Ok(channel),
            Some(channel) => Err(refuse(
                &self.path,
                ErrorKind::Configuration,
                &format!("channel is {channel}; the data set has {listed}"),
            )),
            None if numbered.len() == 1 => Ok(0),
            None => Err(refuse(
                &self.path,
                ErrorKind::Unsupported,
                &format!("has several channels ({listed}), and one is taken: say which, as channel = 0"),
            )),
        }
    }

    /// Values and names; classes alone.
    fn labels(&self) -> Result<Vec<(u8, String)>> {
        let class = |(name, value): (&String, &Value)| {
            if value.is_array() {
                return Err(self.refuse(&format!(
                    "label `{name}` is {value}, a region of several values: regions overlap, and here a voxel has one label; give \
                     each value a name of its own"
                )));
            }
            if name.eq_ignore_ascii_case("ignore") {
                return Err(self.refuse(
                    "has the label `ignore` for voxels that nobody labelled: here every voxel of a reference counts; leave out such \
                     cases, or label them",
                ));
            }
            let small = value.as_u64().and_then(|value| u8::try_from(value).ok());
            let expected = || self.refuse(&format!("label `{name}` is {value}; expected a whole number up to 255"));
            Ok((small.ok_or_else(expected)?, name.clone()))
        };
        self.json.labels.iter().map(class).collect()
    }

    fn training(&self) -> Result<Vec<CaseFiles>> {
        match &self.json.dataset {
            Some(listed) => listed.iter().map(|(case, files)| self.listed(case, files)).collect(),
            None => self.in_folders("imagesTr", "labelsTr", None),
        }
    }

    fn test(&self) -> Result<Vec<CaseFiles>> {
        if !self.config.root.join("imagesTs").is_dir() {
            return Ok(Vec::new());
        }
        self.in_folders("imagesTs", "labelsTs", Some(Split::Test))
    }

    fn listed(&self, case: &str, files: &ListedCase) -> Result<CaseFiles> {
        let refused = |what: &str| self.refuse(&format!("dataset, case `{case}`: {what}"));
        let path = |name: &str| listed_path(&self.config.root, name).map_err(|error| refused(&error.to_string()));
        let expected = self.json.channel_names.len();
        let image = files.images.get(self.channel).filter(|_| files.images.len() == expected);
        let image = image.ok_or_else(|| refused(&format!("{} images; expected {expected}", files.images.len())))?;
        self.case(case, path(image)?, Some(path(&files.label)?), None)
    }

    /// The cases of a folder with images and one with label maps. Training cases must have one.
    fn in_folders(&self, images: &str, labels: &str, split: Option<Split>) -> Result<Vec<CaseFiles>> {
        let ending = &self.json.file_ending;
        let [images, labels] = [images, labels].map(|folder| self.config.root.join(folder));
        require_folder(&images)?;
        let names = self.names(&images)?;
        if labels.is_dir() {
            let labelled = files_ending(&labels, ending)?;
            if let Some(alone) = labelled.into_iter().find(|name| !names.contains(name)) {
                let file = labels.join(format!("{alone}{ending}"));
                let detail = format!("{} has no image {alone}_0000{ending}", images.display());
                return Err(refuse(&file, ErrorKind::Inconsistent, &detail));
            }
        }
        let case = |name: &String| {
            let image = images.join(format!("{name}_{:04}{ending}", self.channel));
            let reference = labels.join(format!("{name}{ending}"));
            self.case(name, image, Some(reference).filter(|file| split.is_none() || file.is_file()), split)
        };
        names.iter().map(case).collect()
    }

    /// The cases that a folder has images of.
    fn names(&self, folder: &Path) -> Result<BTreeSet<String>> {
        let (ending, channels) = (&self.json.file_ending, self.json.channel_names.len());
        let name = |file: String| {
            let parts = file
                .rsplit_once('_')
                .filter(|(_, number)| number.len() == 4 && number.bytes().all(|c| c.is_ascii_digit()));
            match parts.and_then(|(name, channel)| Some((name, channel.parse::<usize>().ok()?))) {
                Some((name, channel)) if channel < channels && !name.is_empty() => Ok(name.to_owned()),
                _ => {
                    let last = channels.saturating_sub(1);
                    let detail = format!(
                        "expected the name of a case and of a channel, CASE_0000{ending} to CASE_{last:04}{ending}"
                    );
                    Err(refuse(&folder.join(format!("{file}{ending}")), ErrorKind::Inconsistent, &detail))
                }
            }
        };
        files_ending(folder, ending)?.into_iter().map(name).collect()
    }

    fn case(&self, name: &str, image: PathBuf, labels: Option<PathBuf>, split: Option<Split>) -> Result<CaseFiles> {
        let group = self.config.patient.patient_of(name)?;
        let entry = CaseEntry { id: CaseId(name.to_owned()), group, split, has_reference: labels.is_some() };
        Ok(CaseFiles { entry, image, labels })
    }

    fn check_number(&self, found: usize) -> Result<()> {
        let said = self.json.num_training;
        if said == found {
            return Ok(());
        }
        Err(self.refuse(&format!(
            "numTraining is {said}, but there are {found} training cases with the ending `{}`; find the files that are missing, or \
             mend the number",
            self.json.file_ending
        )))
    }

    fn refuse(&self, detail: &str) -> ComponentError {
        refuse(&self.path, ErrorKind::Inconsistent, detail)
    }
}

fn refuse(path: &Path, kind: ErrorKind, detail: &str) -> ComponentError {
    ComponentError::new(kind, format!("{}: {detail}", path.display()))
}

#[cfg(test)]
mod tests;
