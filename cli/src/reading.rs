//! Flags that say what files leave open.

use clap::ValueEnum;
use rl4seg_core::io::{Intensity, Reading, nifti::ThirdAxis};

/// What the header of a file cannot say.
#[derive(Debug, Clone, clap::Args)]
pub struct GridArgs {
    /// What the third axis of files is that do not say it (NIfTI, MetaImage, NRRD); needed only where it has several entries
    #[arg(long, value_name = "AXIS")]
    third_axis: Option<ThirdAxisName>,
    /// Size of a pixel in mm, for files that do not tell it; a file that tells another is refused
    #[arg(long, num_args = 2, value_names = ["Y", "X"])]
    spacing: Option<Vec<f64>>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ThirdAxisName {
    /// Slices of a volume
    Depth,
    /// Frames of a sequence
    Time,
}

/// What is wanted of images beside.
#[derive(Debug, Clone, clap::Args)]
pub struct ReadingArgs {
    #[command(flatten)]
    grid: GridArgs,
    /// Which intensities of DICOM images are taken; those that the network was adapted to
    #[arg(long, value_enum, default_value_t = IntensityName::Rescaled)]
    intensity: IntensityName,
    /// Set what lies outside the regions of a DICOM ultrasound image, as burned-in text, to 0
    #[arg(long)]
    mask_outside_regions: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum IntensityName {
    /// After RescaleSlope and RescaleIntercept, as Hounsfield units
    Rescaled,
    /// As shown, through the file's window
    Shown,
}

impl GridArgs {
    /// How files are to be read.
    pub fn reading(&self) -> Reading {
        let third_axis = self.third_axis.map(|axis| match axis {
            ThirdAxisName::Depth => ThirdAxis::Depth,
            ThirdAxisName::Time => ThirdAxis::Time,
        });
        let spacing_mm = self.spacing.as_deref().and_then(|spacing| spacing.try_into().ok());
        Reading { third_axis, spacing_mm, ..Reading::default() }
    }
}

impl ReadingArgs {
    /// How images are to be read.
    pub fn reading(&self) -> Reading {
        let intensity = match self.intensity {
            IntensityName::Rescaled => Intensity::Rescaled,
            IntensityName::Shown => Intensity::Shown,
        };
        Reading { intensity, mask_outside_regions: self.mask_outside_regions, ..self.grid.reading() }
    }
}
