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
    domain::{CaseEntry, CaseId, Image, ImageFacts, LabelMap, LabelSet, Split},
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conformance,
        sources::made_folder::{Folder, Scan},
    };

    const MODALITY: &str = r#""modality": { "0": "MRI" }"#;
    const LABELS: &str = r#""labels": { "0": "background", "1": "Wall", "2": "cavity" }"#;
    const TRAINING: &str =
        r#""training": [{ "image": "./imagesTr/la_1.nii.gz", "label": "./labelsTr/la_1.nii.gz" }], "numTraining": 1"#;
    const TEST: &str = r#""test": ["./imagesTs/la_2.nii.gz"], "numTest": 1"#;

    fn folder(json: &[&str]) -> Folder {
        let folder = Folder::new();
        folder.text("dataset.json", &format!("{{ {} }}", json.join(", ")));
        folder.image("imagesTr/la_1.nii.gz", 1.0);
        folder.labels("labelsTr/la_1.nii.gz", [0, 1, 2, 0, 1, 2]);
        folder.image("imagesTs/la_2.nii.gz", 2.0);
        folder
    }

    fn open(folder: &Folder, more: &str) -> Result<Msd<Scan>> {
        Msd::new(&serde_json::from_str(&format!(r#"{{ "root": {:?} {more} }}"#, folder.path())).unwrap())
    }

    fn refusal(json: &[&str]) -> String {
        open(&folder(json), "").err().unwrap().to_string()
    }

    #[test]
    fn listed_files_become_cases() {
        let folder = folder(&[MODALITY, LABELS, TRAINING, TEST]);
        let source = open(&folder, "").unwrap();
        let cases = source.cases().unwrap();
        let told: Vec<_> = cases.iter().map(|case| (case.id.as_str(), case.split, case.has_reference)).collect();
        assert_eq!(told, [("la_1", None, true), ("la_2", Some(Split::Test), false)]);
        assert_eq!(source.reference(&cases[0].id).unwrap().unwrap().labels(), [0, 2, 1, 0, 2, 1]);
        conformance::check_data_source(&source).unwrap();
        let source = open(&folder, r#", "patient": { "before": "_" }"#).unwrap();
        assert_eq!(source.cases().unwrap()[0].group, "la");
    }

    #[test]
    fn a_list_that_cannot_be_used_is_refused() {
        let several = r#""modality": { "0": "T2", "1": "ADC" }"#;
        assert!(refusal(&[several, LABELS, TRAINING]).contains("several modalities (T2, ADC)"));
        let atrium = r#""labels": { "0": "background", "1": "left atrium" }"#;
        assert!(refusal(&[MODALITY, atrium, TRAINING]).contains("`left atrium`"));
        let named = r#""labels": { "background": "0", "wall": "1" }"#;
        assert!(refusal(&[MODALITY, named, TRAINING]).contains("key `background`"));
        let two = TRAINING.replace("\"numTraining\": 1", "\"numTraining\": 2");
        assert!(refusal(&[MODALITY, LABELS, &two]).contains("numTraining is 2, but 1 cases"));
        let outside = TRAINING.replace("./labelsTr", "../labelsTr");
        assert!(refusal(&[MODALITY, LABELS, &outside]).contains("`../labelsTr/la_1.nii.gz`"));
        let missing = TRAINING.replace("labelsTr/la_1", "labelsTr/la_3");
        assert!(refusal(&[MODALITY, LABELS, &missing]).contains("la_3.nii.gz"));
        assert!(refusal(&[r#""channel_names": { "0": "MRI" }"#, LABELS, TRAINING]).contains("`nnunet`"));
        assert!(refusal(&[MODALITY, LABELS]).contains("`training`"));
        let twice = TRAINING.replace("\"numTraining\": 1", "\"test\": [\"imagesTr/la_1.nii.gz\"]");
        assert!(refusal(&[MODALITY, LABELS, &twice]).contains("`la_1` stands there twice"));
    }
}
