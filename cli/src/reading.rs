//! Flags that say what files leave open.

use clap::ValueEnum;
use rl4seg_core::io::{Intensity, Reading, nifti::ThirdAxis};
use toml::Table;

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
    /// Which intensities of DICOM images are taken [default: those of the images that the run was adapted to]
    #[arg(long, value_enum)]
    intensity: Option<IntensityName>,
    /// Set what lies outside the regions of a DICOM ultrasound image, as burned-in text, to 0, or do not with `=false`
    /// [default: as of the images that the run was adapted to]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    mask_outside_regions: Option<bool>,
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
    /// How images are to be read: as a data source with these settings reads them, but for what the flags say.
    pub fn reading(&self, of_run: &Table) -> Reading {
        let set = |key: &str| of_run.get(key).cloned();
        let intensity = match self.intensity {
            Some(IntensityName::Rescaled) => Intensity::Rescaled,
            Some(IntensityName::Shown) => Intensity::Shown,
            None => set("intensity").and_then(|value| value.try_into().ok()).unwrap_or_default(),
        };
        let masked = || set("mask_outside_regions").and_then(|value| value.as_bool()).unwrap_or_default();
        let mask_outside_regions = self.mask_outside_regions.unwrap_or_else(masked);
        Reading { intensity, mask_outside_regions, ..self.grid.reading() }
    }

    /// What the flags say, as they are typed; empty where they say nothing.
    pub fn by_hand(&self) -> String {
        let axis = self.grid.third_axis.and_then(|axis| axis.to_possible_value());
        let spacing = self.grid.spacing.as_ref();
        let spacing = spacing.map(|mm| mm.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
        let intensity = self.intensity.and_then(|intensity| intensity.to_possible_value());
        let flags = [
            axis.map(|axis| format!("--third-axis {}", axis.get_name())),
            spacing.map(|spacing| format!("--spacing {spacing}")),
            intensity.map(|intensity| format!("--intensity {}", intensity.get_name())),
            self.mask_outside_regions.map(|masked| format!("--mask-outside-regions={masked}")),
        ];
        flags.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        reading: ReadingArgs,
    }

    fn args(flags: &[&str]) -> ReadingArgs {
        Program::try_parse_from(["program"].iter().chain(flags)).ok().unwrap().reading
    }

    #[test]
    fn images_are_read_as_those_of_the_run_unless_flags_say_otherwise() {
        let of_run: Table = "intensity = 'shown'\nmask_outside_regions = true\n".parse().unwrap();
        let read = |flags: &[&str], settings: &Table| {
            let reading = args(flags).reading(settings);
            (reading.intensity, reading.mask_outside_regions)
        };
        assert_eq!(read(&[], &Table::new()), (Intensity::Rescaled, false));
        assert_eq!(read(&[], &of_run), (Intensity::Shown, true));
        assert_eq!(read(&["--intensity", "rescaled"], &of_run), (Intensity::Rescaled, true));
        assert_eq!(read(&["--mask-outside-regions=false"], &of_run), (Intensity::Shown, false));
        assert_eq!(read(&["--mask-outside-regions"], &Table::new()), (Intensity::Rescaled, true));
        let of_a_plugin: Table = "intensity = 3".parse().unwrap();
        assert_eq!(read(&[], &of_a_plugin), (Intensity::Rescaled, false));
    }

    #[test]
    fn what_was_said_by_hand_can_be_typed_again() {
        assert_eq!(args(&[]).by_hand(), "");
        let flags = "--third-axis time --spacing 0.3 0.25 --intensity shown --mask-outside-regions=true";
        assert_eq!(args(&flags.split(' ').collect::<Vec<_>>()).by_hand(), flags);
    }
}
