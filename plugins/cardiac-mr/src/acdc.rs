//! ACDC as published (Bernard et al. 2018): a folder a patient, volumes at end-diastole and end-systole.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rl4seg_sdk::{
    prelude::*,
    sources::{CaseFiles, CaseTable, ImageKind, folders_named, read_text, require_folder},
};

use crate::CardiacMr;

/// Settings of [`Acdc`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct AcdcConfig {
    /// The folder with `patient001`, `patient002`, ...; or the one above it, with `training` and `testing`.
    pub root: PathBuf,
}

/// ```text
/// root/patient001/Info.cfg                          ED: 1, ES: 12
/// root/patient001/patient001_frame01.nii.gz         the volume at end-diastole
/// root/patient001/patient001_frame01_gt.nii.gz      its label map
/// ```
///
/// Each slice is a case, called `patient001_ED_03`; patients are groups. Of labelled volumes, slices without a heart
/// are left out. Where there are folders `training` and `testing`, they give the split.
pub struct Acdc {
    labels: LabelSet,
    volumes: CaseTable,
    slices: BTreeMap<CaseId, Slice>,
    cases: Vec<CaseEntry>,
}

struct Slice {
    volume: CaseId,
    plane: usize,
}

impl Acdc {
    /// Lists patients and slices.
    ///
    /// # Errors
    /// If there is no patient, or an `Info.cfg` or a volume that it names is missing or cannot be read.
    pub fn new(config: &AcdcConfig) -> Result<Self> {
        require_folder(&config.root)?;
        let mut volumes = Vec::new();
        let parts = [("training", Split::Train), ("testing", Split::Test)];
        let parts = parts.map(|(name, split)| (config.root.join(name), Some(split)));
        for (folder, split) in [(config.root.clone(), None)].into_iter().chain(parts) {
            for patient in patients(&folder)? {
                volumes.extend(volumes_of(&folder.join(&patient), &patient, split)?);
            }
        }
        if volumes.is_empty() {
            let message = format!(
                "{}: there is no folder patient001 or the like; expected the folder that ACDC unpacks to",
                config.root.display()
            );
            return Err(ComponentError::new(ErrorKind::NotFound, message));
        }
        let volumes = CaseTable::new(config.root.clone(), volumes)?;
        let mut source = Self { labels: CardiacMr::labels()?, volumes, slices: BTreeMap::new(), cases: Vec::new() };
        source.list_slices()?;
        Ok(source)
    }

    fn list_slices(&mut self) -> Result<()> {
        for volume in self.volumes.entries() {
            let files = self.volumes.get(&volume.id)?;
            let labels = files.reference(CardiacMr::THIRD_AXIS, &self.labels, &[])?;
            let planes = match &labels {
                Some(labels) => labels.grid().planes(),
                None => files.image(CardiacMr::THIRD_AXIS)?.grid().planes(),
            };
            for plane in 0..planes {
                if labels.as_ref().is_some_and(|labels| labels.one_plane(plane).is_background()) {
                    continue;
                }
                let id = CaseId(format!("{}_{:02}", volume.id, plane + 1));
                self.slices.insert(id.clone(), Slice { volume: volume.id.clone(), plane });
                self.cases.push(CaseEntry { id, ..volume.clone() });
            }
        }
        Ok(())
    }

    fn slice(&self, id: &CaseId) -> Result<(&CaseFiles, usize)> {
        let slice = self.slices.get(id).ok_or_else(|| {
            ComponentError::new(
                ErrorKind::NotFound,
                format!("there is no case `{id}`; they are called patient001_ED_03"),
            )
        })?;
        Ok((self.volumes.get(&slice.volume)?, slice.plane))
    }
}

impl Component for Acdc {
    const ID: &'static str = "acdc";
    const DOC: &'static str = "ACDC as published: patient001/patient001_frame01.nii.gz, ..._gt.nii.gz, Info.cfg";
    type Config = AcdcConfig;

    fn new(config: AcdcConfig) -> Result<Self> {
        Self::new(&config)
    }
}

impl DataSource for Acdc {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        Ok(self.cases.clone())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        let (files, plane) = self.slice(id)?;
        let volume = files.image(CardiacMr::THIRD_AXIS)?;
        let grid = volume.grid().one_plane();
        let values = volume.values()[plane * grid.len()..(plane + 1) * grid.len()].to_vec();
        Ok(Image::new(grid, 1, values)?)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        let (files, plane) = self.slice(id)?;
        let volume = files.reference(CardiacMr::THIRD_AXIS, &self.labels, &[])?;
        Ok(volume.map(|volume| volume.one_plane(plane)))
    }
}

/// The names of the patients' folders, in order; none where there is no such folder.
fn patients(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    folders_named(folder, "patient")
}

/// The volumes at end-diastole and end-systole of one patient, by the frames that `Info.cfg` names.
fn volumes_of(folder: &Path, patient: &str, split: Option<Split>) -> Result<Vec<CaseFiles>> {
    let info = folder.join("Info.cfg");
    let text = read_text(&info)?;
    ["ED", "ES"]
        .into_iter()
        .map(|instant| {
            let frame = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == instant);
            let frame: u32 = frame.and_then(|(_, frame)| frame.trim().parse().ok()).ok_or_else(|| {
                let message = format!("{}: expected a line `{instant}: ` and the number of a frame", info.display());
                ComponentError::new(ErrorKind::Inconsistent, message)
            })?;
            let file = |ending: &str| folder.join(format!("{patient}_frame{frame:02}{ending}.nii.gz"));
            let labels = Some(file("_gt")).filter(|path| path.is_file());
            let id = CaseId(format!("{patient}_{instant}"));
            let entry = CaseEntry { id, group: patient.to_owned(), split, has_reference: labels.is_some() };
            Ok(CaseFiles { entry, image: file(""), labels })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rl4seg_sdk::{
        conformance,
        io::nifti::{NiftiGeometry, write_image, write_labels},
    };

    use super::*;

    /// A patient with three slices an instant; the first shows no heart.
    fn write_patient(folder: &Path, patient: &str, is_labelled: bool) {
        let folder = folder.join(patient);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("Info.cfg"), "ED: 1\nES: 12\nGroup: NOR\n").unwrap();
        let grid = Grid::new([3, 4, 5], [1.5, 1.25], SlowAxis::Depth { spacing_mm: 10.0 }).unwrap();
        let geometry = NiftiGeometry::for_grid(&grid);
        for frame in ["01", "12"] {
            let image = Image::new(grid, 1, (0..60).map(|value| value as f32).collect()).unwrap();
            let file = |ending: &str| folder.join(format!("{patient}_frame{frame}{ending}.nii.gz"));
            write_image(&file(""), &image, &geometry).unwrap();
            if is_labelled {
                let labels = (0..60).map(|index| if index < 20 { 0 } else { 1 + (index % 3) as u8 }).collect();
                write_labels(&file("_gt"), &LabelMap::new(grid, labels).unwrap(), &geometry).unwrap();
            }
        }
    }

    fn open(root: &Path) -> Result<Acdc> {
        Acdc::new(&AcdcConfig { root: root.to_owned() })
    }

    #[test]
    fn slices_are_cases_and_patients_are_groups() {
        let root = tempfile::tempdir().unwrap();
        write_patient(&root.path().join("training"), "patient002", true);
        write_patient(&root.path().join("testing"), "patient101", false);
        let source = open(root.path()).unwrap();
        let cases = source.cases().unwrap();
        let names: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(
            names[..5],
            ["patient002_ED_02", "patient002_ED_03", "patient002_ES_02", "patient002_ES_03", "patient101_ED_01"]
        );
        assert_eq!(names.len(), 10);
        assert_eq!(
            (cases[0].group.as_str(), cases[0].split, cases[0].has_reference),
            ("patient002", Some(Split::Train), true)
        );
        assert_eq!((cases[9].split, cases[9].has_reference), (Some(Split::Test), false));
        let image = source.image(&cases[1].id).unwrap();
        assert_eq!((image.grid().spacing_mm(), image.grid().slow()), ([1.5, 1.25], SlowAxis::Single));
        assert_eq!(image.values(), (40..60).map(|value| value as f32).collect::<Vec<_>>());
        let reference = source.reference(&cases[1].id).unwrap().unwrap();
        assert_eq!(reference.labels()[..3], [2, 3, 1]);
        conformance::check_data_source(&source).unwrap();
    }

    #[test]
    fn what_is_missing_is_named() {
        let root = tempfile::tempdir().unwrap();
        let refusal = || open(root.path()).err().unwrap().to_string();
        assert!(refusal().contains("there is no folder patient001"));
        write_patient(root.path(), "patient001", true);
        let info = root.path().join("patient001/Info.cfg");
        fs::write(&info, "ED: 1\nES: late\n").unwrap();
        assert!(refusal().contains("Info.cfg: expected a line `ES: `"));
        fs::write(&info, "ED: 1\nES: 3\n").unwrap();
        assert!(refusal().contains("patient001_frame03.nii.gz"));
        fs::remove_file(&info).unwrap();
        assert!(refusal().contains("Info.cfg"));
    }
}
