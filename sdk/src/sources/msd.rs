//! Data sets of the Medical Segmentation Decathlon (Antonelli et al. 2022).

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ImageKind,
    files::{CaseFiles, CaseTable, listed_path, read_json, require_folder},
    label_names::{LabelNames, Labelling},
    patient::PatientRule,
};
use crate::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, LabelMap, LabelSet, Split},
    io::{Reading, file_stem},
};

/// Settings of [`Msd`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MsdConfig {
    /// The folder with `dataset.json`, as `Task02_Heart`.
    pub root: PathBuf,
    /// What labels become whose names are not the modality's: `{ "LV cavity" = "left ventricle" }`, `"background"` for none.
    #[serde(default)]
    pub labels: LabelNames,
    /// Structures of the modality that nobody drew in this data set.
    #[serde(default)]
    pub unlabelled: Vec<String>,
    /// How a case's name tells its patient: `"case"`, or `{ before = "_", parts = 1 }`.
    #[serde(default)]
    pub patient: PatientRule,
    /// Size of a pixel in mm, `[y, x]`, for formats that do not tell it, as PNG.
    #[serde(default)]
    pub spacing_mm: Option<[f64; 2]>,
}

/// A folder with a `dataset.json` that lists the files: `training` with `image` and `label`, `test` with images alone, which
/// become test cases without references.
///
/// A case is called as its image's file without the ending. Labels are matched to those of `K` by name. It is the component `msd` of
/// every plugin that exports it.
pub struct Msd<K> {
    labels: LabelSet,
    labelling: Labelling,
    table: CaseTable,
    reading: Reading,
    kind: PhantomData<K>,
}

impl<K: ImageKind> Msd<K> {
    /// Reads `dataset.json` and sees that every file is there.
    ///
    /// # Errors
    /// If the folder or a file is not there, `dataset.json` is of another form or counts its cases otherwise than it lists them, labels
    /// do not match, or images have several channels.
    pub fn new(config: &MsdConfig) -> Result<Self> {
        require_folder(&config.root)?;
        let dataset = Dataset::read(config)?;
        let labels = K::labels()?;
        let found = dataset.labels()?;
        let labelling = Labelling::new(&dataset.path, found, &labels, &config.labels, &config.unlabelled)?;
        let cases = dataset.cases()?;
        let reading = Reading { third_axis: Some(K::THIRD_AXIS), spacing_mm: config.spacing_mm, ..Reading::default() };
        Ok(Self { labels, labelling, table: CaseTable::new(dataset.path, cases)?, reading, kind: PhantomData })
    }
}

impl<K: ImageKind> crate::Component for Msd<K> {
    const ID: &'static str = "msd";
    const DOC: &'static str =
        "A data set of the Medical Segmentation Decathlon: dataset.json lists images and label maps";
    type Config = MsdConfig;

    fn new(config: MsdConfig) -> Result<Self> {
        Self::new(&config)
    }
}

impl<K: ImageKind> DataSource for Msd<K> {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        Ok(self.table.entries())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        self.table.get(id)?.image_by(&self.reading)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        self.labelling.reference(self.table.get(id)?, &self.reading)
    }
}

/// The keys of `dataset.json` that matter here.
#[derive(Debug, Deserialize)]
struct DatasetJson {
    modality: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    #[serde(rename = "numTraining")]
    num_training: Option<usize>,
    #[serde(rename = "numTest")]
    num_test: Option<usize>,
    training: Vec<Pair>,
    #[serde(default)]
    test: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Pair {
    image: String,
    label: String,
}

struct Dataset<'a> {
    path: PathBuf,
    config: &'a MsdConfig,
    json: DatasetJson,
}

impl<'a> Dataset<'a> {
    fn read(config: &'a MsdConfig) -> Result<Self> {
        let path = config.root.join("dataset.json");
        let json: Value = read_json(&path)?;
        if json.get("channel_names").is_some() {
            let detail = "has `channel_names`: it is of nnU-Net; read it with the data source `nnunet`";
            return Err(refuse(&path, ErrorKind::Unsupported, detail));
        }
        let json: DatasetJson =
            serde_json::from_value(json).map_err(|error| refuse(&path, ErrorKind::Unreadable, &error.to_string()))?;
        let dataset = Self { path, config, json };
        dataset.check_modality()?;
        let DatasetJson { num_training, num_test, training, test, .. } = &dataset.json;
        dataset.check_number("numTraining", *num_training, training.len())?;
        dataset.check_number("numTest", *num_test, test.len())?;
        Ok(dataset)
    }

    fn check_modality(&self) -> Result<()> {
        if self.json.modality.len() <= 1 {
            return Ok(());
        }
        let names: Vec<&str> = self.json.modality.values().map(String::as_str).collect();
        let detail = format!(
            "has several modalities ({}), which lie along a fourth axis of its files, and one is taken: write that one to files of its own",
            names.join(", ")
        );
        Err(refuse(&self.path, ErrorKind::Unsupported, &detail))
    }

    fn check_number(&self, key: &str, said: Option<usize>, found: usize) -> Result<()> {
        match said {
            Some(said) if said != found => Err(self.refuse(&format!("{key} is {said}, but {found} cases are listed"))),
            _ => Ok(()),
        }
    }

    fn labels(&self) -> Result<Vec<(u8, String)>> {
        let label = |(value, name): (&String, &String)| {
            let expected = || self.refuse(&format!("labels has the key `{value}`; expected a whole number up to 255"));
            Ok((value.parse().map_err(|_| expected())?, name.clone()))
        };
        self.json.labels.iter().map(label).collect()
    }

    fn cases(&self) -> Result<Vec<CaseFiles>> {
        let training = self.json.training.iter().map(|pair| self.case(&pair.image, Some(&pair.label), None));
        training.chain(self.json.test.iter().map(|image| self.case(image, None, Some(Split::Test)))).collect()
    }

    fn case(&self, image: &str, labels: Option<&String>, split: Option<Split>) -> Result<CaseFiles> {
        let listed = |name: &str| {
            listed_path(&self.config.root, name)
                .map_err(|error| self.refuse(&format!("training or test lists {error}")))
        };
        let image = listed(image)?;
        let labels = labels.map(|name| listed(name)).transpose()?;
        let name = file_stem(&image)
            .ok_or_else(|| self.refuse(&format!("`{}` is no name of an image's file", image.display())))?;
        let group = self.config.patient.patient_of(&name)?;
        let entry = CaseEntry { id: CaseId(name), group, split, has_reference: labels.is_some() };
        Ok(CaseFiles { entry, image, labels })
    }

    fn refuse(&self, detail: &str) -> ComponentError {
        refuse(&self.path, ErrorKind::Inconsistent, detail)
    }
}

fn refuse(path: &Path, kind: ErrorKind, detail: &str) -> ComponentError {
    ComponentError::new(kind, format!("{}: {detail}", path.display()))
}
