use super::{FoundImage, nifti::NiftiGeometry};
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

/// Where an image lies that a label map belongs to, and which it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePlace {
    /// Where its voxels lie.
    pub geometry: NiftiGeometry,
    /// SOPInstanceUIDs of the instances that it is made of; none of other formats than DICOM.
    pub instances: Vec<String>,
}

impl From<NiftiGeometry> for ImagePlace {
    fn from(geometry: NiftiGeometry) -> Self {
        Self { geometry, instances: Vec::new() }
    }
}

impl From<FoundImage> for ImagePlace {
    fn from(image: FoundImage) -> Self {
        #[cfg(feature = "dicom")]
        let instances = image.dicom.map(|source| source.instances()).unwrap_or_default();
        #[cfg(not(feature = "dicom"))]
        let instances = Vec::new();
        Self { geometry: image.placed.geometry, instances }
    }
}
