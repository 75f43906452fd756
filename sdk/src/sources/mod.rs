//! Data sets as people have them, and what most data sources have in common.

mod cases_csv;
mod files;
mod folds;
mod images;
mod label_names;
#[cfg(test)]
mod made_folder;
mod msd;
mod nnunet;
mod patient;
mod rows;
mod table;

use crate::{component::Result, domain::LabelSet, io::nifti::ThirdAxis};

pub use cases_csv::{CasesCsv, CasesCsvConfig};
pub use files::{CaseFiles, CaseTable, files_ending, folders_named, listed_path, read_json, read_text, require_folder};
pub use images::{Images, ImagesConfig};
pub use label_names::{LabelNames, Labelling};
pub use msd::{Msd, MsdConfig};
pub use nnunet::{Nnunet, NnunetConfig};
pub use patient::{Alone, Beginning, PatientRule};
pub use rows::{Row, Rows};
pub use table::{Table, TableConfig};

/// What all images of a modality have in common, for data sources that serve any.
pub trait ImageKind: Send + Sync + 'static {
    /// What a third axis of a file is, where there is one.
    const THIRD_AXIS: ThirdAxis;

    /// The structures that are labelled.
    ///
    /// # Errors
    /// If they do not make a set.
    fn labels() -> Result<LabelSet>;
}
