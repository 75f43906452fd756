use std::{fs, path::Path};

#[cfg(feature = "engine")]
use crate::checkpoints;
use crate::{data_sets, images, runs};

/// A kind of file that somebody may hand over, named as its target in `tests/fuzz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// NIfTI.
    Nifti,
    /// DICOM, and zip archives of it.
    Dicom,
    /// A segmentation in DICOM.
    Segmentation,
    /// MetaImage.
    MetaImage,
    /// NRRD.
    Nrrd,
    /// PNG, JPEG, TIFF.
    Picture,
    /// A video of EchoNet-Dynamic.
    Video,
    /// The table of a folder of cases.
    CasesCsv,
    /// `dataset.json` of nnU-Net and the Decathlon.
    DatasetJson,
    /// `run.toml`.
    Configuration,
    /// The JSON files of a run.
    Run,
    /// Checkpoints of torch and safetensors.
    #[cfg(feature = "engine")]
    Checkpoint,
}

/// A file as it should be.
pub struct WholeFile {
    /// What it is called.
    pub name: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Kind {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Nifti,
        Self::Dicom,
        Self::Segmentation,
        Self::MetaImage,
        Self::Nrrd,
        Self::Picture,
        Self::Video,
        Self::CasesCsv,
        Self::DatasetJson,
        Self::Configuration,
        Self::Run,
        #[cfg(feature = "engine")]
        Self::Checkpoint,
    ];

    /// Its name, that of its target in `tests/fuzz`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nifti => "nifti",
            Self::Dicom => "dicom",
            Self::Segmentation => "segmentation",
            Self::MetaImage => "meta_image",
            Self::Nrrd => "nrrd",
            Self::Picture => "picture",
            Self::Video => "video",
            Self::CasesCsv => "cases_csv",
            Self::DatasetJson => "dataset_json",
            Self::Configuration => "configuration",
            Self::Run => "run",
            #[cfg(feature = "engine")]
            Self::Checkpoint => "checkpoint",
        }
    }

    /// Whole files of this kind, one for each way in which it may be stored.
    #[must_use]
    pub fn whole_files(self) -> Vec<WholeFile> {
        match self {
            Self::Nifti => images::nifti(),
            Self::Dicom => images::dicom(),
            Self::Segmentation => images::segmentations(),
            Self::MetaImage => images::meta_image(),
            Self::Nrrd => images::nrrd(),
            Self::Picture => images::pictures(),
            Self::Video => data_sets::videos(),
            Self::CasesCsv => data_sets::tables(),
            Self::DatasetJson => data_sets::lists(),
            Self::Configuration => runs::configurations(),
            Self::Run => runs::files(),
            #[cfg(feature = "engine")]
            Self::Checkpoint => checkpoints::files(),
        }
    }

    /// What its file is called in the folder that [`Kind::prepare`] makes ready.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Video => "Videos/A.avi",
            Self::CasesCsv => "cases.csv",
            Self::DatasetJson => "dataset.json",
            Self::Configuration => "run.toml",
            Self::Run => "manifest.json",
            _ => "file",
        }
    }

    /// Writes what must lie beside the file.
    pub(crate) fn prepare(self, folder: &Path) {
        match self {
            Self::Video => data_sets::prepare_videos(folder),
            Self::DatasetJson => data_sets::prepare_lists(folder),
            _ => fs::create_dir_all(folder).unwrap(),
        }
    }

    /// Opens the file at `path` as what it is, with every reader there is for it.
    pub(crate) fn open(self, path: &Path) -> Result<(), String> {
        let folder = path.parent().unwrap();
        match self {
            Self::Nifti | Self::MetaImage | Self::Nrrd => images::open(path, None),
            Self::Dicom => images::open_dicom(path),
            Self::Segmentation => images::open_labels(path),
            Self::Picture => images::open(path, Some([0.5, 0.5])),
            Self::Video => data_sets::open_video(folder.parent().unwrap()),
            Self::CasesCsv => data_sets::open_table(folder),
            Self::DatasetJson => data_sets::open_list(folder),
            Self::Configuration => runs::open_configuration(path),
            Self::Run => runs::open(path),
            #[cfg(feature = "engine")]
            Self::Checkpoint => checkpoints::open(path),
        }
    }
}
