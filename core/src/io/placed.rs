use super::nifti::NiftiGeometry;
use crate::domain::{Image, LabelMap};

/// An image and where it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedImage {
    /// Intensities, as the format's own scaling gives them.
    pub image: Image,
    /// Where its voxels lie: what is written for it is written with this.
    pub geometry: NiftiGeometry,
}

/// A label map and where it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedLabels {
    /// The labels.
    pub labels: LabelMap,
    /// Where its voxels lie.
    pub geometry: NiftiGeometry,
}
