//! Folders of files that most data sources have in common.

mod cases_csv;
mod files;
mod images;
mod patient;

use crate::{component::Result, domain::LabelSet, io::nifti::ThirdAxis};

pub use cases_csv::{CasesCsv, CasesCsvConfig};
pub use files::{CaseFiles, CaseTable, folders_named, read_text, require_folder};
pub use images::{Images, ImagesConfig};
pub use patient::{Alone, Beginning, PatientRule};

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
