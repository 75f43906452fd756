//! Where echocardiograms come from.

mod camus;
mod echonet;

use rl4seg_sdk::{component::Result, domain::LabelSet, io::nifti::ThirdAxis, sources::ImageKind};

pub use camus::{Camus, CamusConfig, Instant, View};
pub use echonet::{EchonetDynamic, EchonetDynamicConfig};
pub use rl4seg_sdk::sources::CasesCsvConfig;

/// A table of cases with their files.
pub type CasesCsv = rl4seg_sdk::sources::CasesCsv<Echo>;

/// A folder of images, DICOM among them.
pub type Images = rl4seg_sdk::sources::Images<Echo>;

/// A data set of nnU-Net.
pub type Nnunet = rl4seg_sdk::sources::Nnunet<Echo>;

/// A data set of the Medical Segmentation Decathlon.
pub type Msd = rl4seg_sdk::sources::Msd<Echo>;

/// A table with the paths of files.
pub type Table = rl4seg_sdk::sources::Table<Echo>;

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
