use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rl4seg_sdk::schemars::JsonSchema;
use rl4seg_sdk::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Grid, Image, ImageFacts, LabelMap, LabelSet, SlowAxis, Split},
    sources::{CaseFiles, CaseTable, ImageKind, folders_named, read_text, require_folder},
};
use serde::{Deserialize, Serialize};

use super::Echo;
use crate::labels::labels;

/// The left atrium in the files of CAMUS; [`labels`] has no label for it.
const LEFT_ATRIUM: u32 = 3;

/// Settings of [`Camus`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct CamusConfig {
    /// The folder with `patient0001`, `patient0002`, ..., or the one above it that also has
    /// `database_nifti` and `database_split`.
    pub root: PathBuf,
    /// The views to take; every patient must have them. Those that a patient has unless set.
    #[serde(default)]
    pub views: Option<Vec<View>>,
    /// The instants to take; every patient must have them. Of ED and ES, those that a patient has unless
    /// set.
    #[serde(default)]
    pub instants: Option<Vec<Instant>>,
    /// The label that the left atrium (3 in the files) becomes: background unless set.
    #[serde(default)]
    pub left_atrium: u8,
}

/// An apical view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub enum View {
    /// Two chambers.
    #[serde(rename = "2CH")]
    TwoChamber,
    /// Four chambers.
    #[serde(rename = "4CH")]
    FourChamber,
}

/// A moment of the heart beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub enum Instant {
    /// End-diastole.
    #[serde(rename = "ED")]
    EndDiastole,
    /// End-systole.
    #[serde(rename = "ES")]
    EndSystole,
    /// All frames from one to the other.
    #[serde(rename = "half_sequence")]
    HalfSequence,
}

impl View {
    fn all() -> Vec<Self> {
        vec![Self::TwoChamber, Self::FourChamber]
    }

    fn name(self) -> &'static str {
        match self {
            Self::TwoChamber => "2CH",
            Self::FourChamber => "4CH",
        }
    }
}

impl Instant {
    fn ed_and_es() -> Vec<Self> {
        vec![Self::EndDiastole, Self::EndSystole]
    }

    fn name(self) -> &'static str {
        match self {
            Self::EndDiastole => "ED",
            Self::EndSystole => "ES",
            Self::HalfSequence => "half_sequence",
        }
    }
}

/// CAMUS as published in NIfTI (Leclerc et al. 2019):
/// `patient0001/patient0001_2CH_ED.nii.gz`, label maps with `_gt` before the ending, sequences as
/// `patient0001_2CH_half_sequence.nii.gz`, and `Info_2CH.cfg` with the frame rate.
///
/// Where the lists `subgroup_training.txt`, `subgroup_validation.txt`, `subgroup_testing.txt` lie
/// beside the patients or in `database_split`, they give the split.
pub struct Camus {
    labels: LabelSet,
    left_atrium: u8,
    table: CaseTable,
    sequences: BTreeMap<CaseId, PathBuf>,
}

impl Camus {
    /// Lists the patients, and where both views and instants are given sees that every image is there.
    ///
    /// # Errors
    /// If there is no patient, an image that was asked for is missing, a list puts a patient into two splits, or
    /// `left_atrium` is not a label.
    pub fn new(config: CamusConfig) -> Result<Self> {
        let labels = labels()?;
        if usize::from(config.left_atrium) >= labels.len() {
            let message = format!("left_atrium is {}; expected one of {labels}", config.left_atrium);
            return Err(ComponentError::new(ErrorKind::Configuration, message));
        }
        require_folder(&config.root)?;
        let nested = config.root.join("database_nifti");
        let folder = if nested.is_dir() { nested } else { config.root.clone() };
        let splits = splits(&folder)?;
        let (mut cases, mut sequences) = (Vec::new(), BTreeMap::new());
        let all_must_be_there = config.views.is_some() && config.instants.is_some();
        let views = config.views.unwrap_or_else(View::all);
        let instants = config.instants.unwrap_or_else(Instant::ed_and_es);
        for patient in patients(&folder)? {
            let split = splits.get(&patient).copied();
            for &view in &views {
                for &instant in &instants {
                    let case = case(&folder, &patient, (view, instant), split);
                    if !all_must_be_there && !case.image.is_file() {
                        continue;
                    }
                    if instant == Instant::HalfSequence {
                        let info = folder.join(&patient).join(format!("Info_{}.cfg", view.name()));
                        sequences.insert(case.entry.id.clone(), info);
                    }
                    cases.push(case);
                }
            }
        }
        if cases.is_empty() {
            let message = format!(
                "{}: no patient has an image of the views and instants that are asked for; expected \
                 patient0001/patient0001_4CH_ED.nii.gz or the like",
                folder.display()
            );
            return Err(ComponentError::new(ErrorKind::NotFound, message));
        }
        Ok(Self { labels, left_atrium: config.left_atrium, table: CaseTable::new(folder, cases)?, sequences })
    }

    /// The grid with the frame interval that the patient's `Info` file tells.
    fn timed(&self, id: &CaseId, grid: &Grid) -> Result<Grid> {
        match (self.sequences.get(id), grid.slow()) {
            (Some(info), SlowAxis::Time { interval_ms: None }) if info.is_file() => {
                let interval_ms = frame_interval_ms(info)?;
                Ok(Grid::new(grid.shape(), grid.spacing_mm(), SlowAxis::Time { interval_ms })?)
            }
            _ => Ok(*grid),
        }
    }
}

impl DataSource for Camus {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        Ok(self.table.entries())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        Ok(self.image_and_facts(id)?.0)
    }

    fn image_and_facts(&self, id: &CaseId) -> Result<(Image, ImageFacts)> {
        let (image, facts) = self.table.get(id)?.image_and_facts(Echo::THIRD_AXIS)?;
        let grid = self.timed(id, image.grid())?;
        let channels = image.channels();
        Ok((Image::new(grid, channels, image.into_values())?, facts))
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        let mapping = [(LEFT_ATRIUM, self.left_atrium)];
        let Some(map) = self.table.get(id)?.reference(Echo::THIRD_AXIS, &self.labels, &mapping)? else {
            return Ok(None);
        };
        Ok(Some(LabelMap::new(self.timed(id, map.grid())?, map.labels().to_vec())?))
    }
}

fn case(folder: &Path, patient: &str, (view, instant): (View, Instant), split: Option<Split>) -> CaseFiles {
    let id = format!("{patient}_{}_{}", view.name(), instant.name());
    let file = |ending: &str| folder.join(patient).join(format!("{id}{ending}.nii.gz"));
    let labels = Some(file("_gt")).filter(|path| path.is_file());
    let image = file("");
    let entry = CaseEntry { id: CaseId(id), group: patient.to_owned(), split, has_reference: labels.is_some() };
    CaseFiles { entry, image, labels }
}

/// The names of the patients' folders, in order.
fn patients(folder: &Path) -> Result<Vec<String>> {
    let patients = folders_named(folder, "patient")?;
    if patients.is_empty() {
        let message = format!(
            "{}: there is no folder patient0001 or the like; expected the NIfTI release of CAMUS",
            folder.display()
        );
        return Err(ComponentError::new(ErrorKind::NotFound, message));
    }
    Ok(patients)
}

/// The split of each patient that a list names.
fn splits(folder: &Path) -> Result<BTreeMap<String, Split>> {
    let lists = [("training", Split::Train), ("validation", Split::Validation), ("testing", Split::Test)];
    let mut places = vec![folder.to_owned(), folder.join("database_split")];
    places.extend(folder.parent().map(|parent| parent.join("database_split")));
    let mut splits = BTreeMap::new();
    for (name, split) in lists {
        let file = format!("subgroup_{name}.txt");
        let Some(path) = places.iter().map(|place| place.join(&file)).find(|path| path.is_file()) else { continue };
        for patient in read_text(&path)?.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if splits.insert(patient.to_owned(), split).is_some_and(|earlier| earlier != split) {
                let message =
                    format!("{}: {patient} is in another list too; expected every patient in one", path.display());
                return Err(ComponentError::new(ErrorKind::Inconsistent, message));
            }
        }
    }
    Ok(splits)
}

/// Time between the frames of a sequence from its `Info_2CH.cfg`, one `Key: value` a line; `None`
/// where that does not tell the frame rate.
fn frame_interval_ms(info: &Path) -> Result<Option<f64>> {
    const KEY: &str = "FrameRate";
    let text = read_text(info)?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let Some((_, rate)) = fields.find(|(key, _)| key.trim() == KEY) else { return Ok(None) };
    match rate.trim().parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(Some(1000.0 / rate)),
        _ => {
            let message =
                format!("{}: {KEY} is `{}`; expected frames per second, above 0", info.display(), rate.trim());
            Err(ComponentError::new(ErrorKind::Inconsistent, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rl4seg_sdk::domain::VoxelMap;
    use rl4seg_sdk::io::nifti::{NiftiGeometry, write_image, write_map};

    use super::*;

    fn write_plane(path: &Path, grid: &Grid, value: f32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let image = Image::new(*grid, 1, vec![value; grid.len()]).unwrap();
        write_image(path, &image, &NiftiGeometry::for_grid(grid)).unwrap();
    }

    fn plane() -> Grid {
        Grid::plane([4, 6], [0.3, 0.2]).unwrap()
    }

    /// Two patients, both views, ED and ES; every label map is left atrium everywhere.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for patient in ["patient0002", "patient0001"] {
            for view in ["2CH", "4CH"] {
                for instant in ["ED", "ES"] {
                    let file = |ending: &str| {
                        folder.path().join(patient).join(format!("{patient}_{view}_{instant}{ending}.nii.gz"))
                    };
                    write_plane(&file(""), &plane(), 90.0);
                    write_plane(&file("_gt"), &plane(), 3.0);
                }
            }
        }
        folder
    }

    fn config(root: &Path) -> CamusConfig {
        CamusConfig { root: root.to_owned(), views: None, instants: None, left_atrium: 0 }
    }

    #[test]
    fn patients_are_groups_and_the_atrium_becomes_background() {
        let folder = folder();
        let source = Camus::new(config(folder.path())).unwrap();
        let cases = source.cases().unwrap();
        assert_eq!(cases.len(), 8);
        assert_eq!(cases[0].id.as_str(), "patient0001_2CH_ED");
        assert_eq!((cases[0].group.as_str(), cases[0].split, cases[0].has_reference), ("patient0001", None, true));
        assert_eq!(source.image(&cases[0].id).unwrap().values(), [90.0; 24]);
        assert!(source.reference(&cases[0].id).unwrap().unwrap().is_background());
        assert!(source.image(&CaseId("patient0009_2CH_ED".to_owned())).is_err());
    }

    #[test]
    fn published_lists_give_the_split() {
        let folder = folder();
        fs::create_dir(folder.path().join("database_split")).unwrap();
        let list = |name: &str| folder.path().join("database_split").join(format!("subgroup_{name}.txt"));
        fs::write(list("training"), "patient0001\n").unwrap();
        fs::write(list("testing"), "patient0002\n").unwrap();
        let cases = Camus::new(config(folder.path())).unwrap().cases().unwrap();
        assert_eq!(cases[0].split, Some(Split::Train));
        assert_eq!(cases[7].split, Some(Split::Test));
        fs::write(list("validation"), "patient0002\n").unwrap();
        let error = Camus::new(config(folder.path())).err().unwrap();
        assert!(error.to_string().contains("patient0002"), "{error}");
    }

    #[test]
    fn a_half_sequence_has_the_frame_interval_of_its_info_file() {
        let folder = tempfile::tempdir().unwrap();
        let patient = folder.path().join("patient0001");
        fs::create_dir(&patient).unwrap();
        let frames = Grid::new([5, 4, 6], [0.3, 0.2], SlowAxis::Time { interval_ms: None }).unwrap();
        let map = VoxelMap::new(frames, vec![1.0; frames.len()]).unwrap();
        let geometry = NiftiGeometry::for_grid(&frames);
        write_map(&patient.join("patient0001_4CH_half_sequence.nii.gz"), &map, &geometry).unwrap();
        write_map(&patient.join("patient0001_4CH_half_sequence_gt.nii.gz"), &map, &geometry).unwrap();
        let info = patient.join("Info_4CH.cfg");
        fs::write(&info, "ED: 1\nES: 5\nNbFrame: 5\nFrameRate: 50\n").unwrap();
        let (views, instants) = (Some(vec![View::FourChamber]), Some(vec![Instant::HalfSequence]));
        let config = CamusConfig { root: folder.path().to_owned(), views, instants, left_atrium: 0 };
        let source = Camus::new(config.clone()).unwrap();
        let id = source.cases().unwrap()[0].id.clone();
        assert_eq!(source.image(&id).unwrap().grid().slow(), SlowAxis::Time { interval_ms: Some(20.0) });
        assert_eq!(source.reference(&id).unwrap().unwrap().grid(), source.image(&id).unwrap().grid());
        fs::write(&info, "FrameRate: fast\n").unwrap();
        assert!(source.image(&id).is_err());
    }

    #[test]
    fn what_is_missing_or_does_not_fit_is_named() {
        let folder = folder();
        let refused = |config: CamusConfig| Camus::new(config).err().unwrap().to_string();
        assert!(refused(config(&folder.path().join("nowhere"))).contains("no such folder"));
        assert!(refused(CamusConfig { left_atrium: 3, ..config(folder.path()) }).contains("left_atrium"));
        let label = folder.path().join("patient0001/patient0001_2CH_ED_gt.nii.gz");
        write_plane(&label, &Grid::plane([4, 6], [0.3, 0.3]).unwrap(), 1.0);
        let source = Camus::new(config(folder.path())).unwrap();
        let error = source.reference(&CaseId("patient0001_2CH_ED".to_owned())).unwrap_err();
        assert!(error.to_string().contains("spacing"), "{error}");
        fs::remove_file(folder.path().join("patient0002/patient0002_4CH_ES.nii.gz")).unwrap();
        assert_eq!(Camus::new(config(folder.path())).unwrap().cases().unwrap().len(), 7);
        let (views, instants) = (Some(View::all()), Some(Instant::ed_and_es()));
        let all = CamusConfig { views, instants, ..config(folder.path()) };
        assert!(refused(all).contains("1 of 8 cases are missing"));
        let instants = Some(vec![Instant::HalfSequence]);
        assert!(refused(CamusConfig { instants, ..config(folder.path()) }).contains("no patient has an image"));
    }

    #[test]
    fn an_empty_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Camus::new(config(folder.path())).err().unwrap().to_string().contains("patient0001"));
    }
}
