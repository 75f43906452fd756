//! Where echocardiograms come from.

mod camus;

use rl4seg_sdk::{component::Result, domain::LabelSet, io::nifti::ThirdAxis, sources::ImageKind};

pub use camus::{Camus, CamusConfig, Instant, View};
pub use rl4seg_sdk::sources::CasesCsvConfig;

/// A table of cases with their files.
pub type CasesCsv = rl4seg_sdk::sources::CasesCsv<Echo>;

/// A folder of images, DICOM among them.
pub type Images = rl4seg_sdk::sources::Images<Echo>;

/// Echocardiograms.
#[derive(Debug)]
pub struct Echo;

impl ImageKind for Echo {
    /// Ultrasound is a sequence of planes.
    const THIRD_AXIS: ThirdAxis = ThirdAxis::Time;

    fn labels() -> Result<LabelSet> {
        Ok(crate::labels::labels()?)
    }
}
