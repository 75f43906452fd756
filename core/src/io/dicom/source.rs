use std::{collections::BTreeSet, path::Path};

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::{attributes::Attributes, intensity::group};

/// What a DICOM image says of itself that what is derived from it must repeat.
#[derive(Debug, Clone)]
pub struct DicomSource {
    /// The first instance without pixel data.
    pub dataset: InMemDicomObject,
    /// In the order of the image's slow axis.
    pub planes: Vec<SourcePlane>,
    /// ImageOrientationPatient of all planes.
    pub orientation: Option<[f64; 6]>,
    /// `[y, x]`, mm.
    pub spacing_mm: [f64; 2],
}

impl DicomSource {
    /// Whether it is told where each plane lies and how thick it is, as a parametric map of it must tell.
    #[must_use]
    pub fn has_places(&self) -> bool {
        let positions: Vec<[f64; 3]> = self.planes.iter().filter_map(|plane| plane.position).collect();
        let is_stack = positions.iter().any(|&position| position != positions[0]);
        let is_placed = self.orientation.is_some() && positions.len() == self.planes.len();
        is_placed && (is_stack || self.thickness_mm().is_some())
    }

    /// SOPInstanceUIDs of its instances, each once.
    #[must_use]
    pub fn instances(&self) -> Vec<String> {
        let uids = self.planes.iter().map(|plane| plane.sop_instance_uid.as_str());
        let distinct: BTreeSet<&str> = uids.filter(|uid| !uid.is_empty()).collect();
        distinct.into_iter().map(str::to_owned).collect()
    }

    /// SliceThickness, where it is above 0; in an enhanced object it stands in the functional groups.
    #[must_use]
    pub fn thickness_mm(&self) -> Option<f64> {
        // What cannot be read is as good as missing here, so no error names the file.
        let root = Attributes { path: Path::new(""), dataset: &self.dataset };
        let thickness = |holder: Attributes<'_>| holder.dataset.get(tags::SLICE_THICKNESS)?.to_float64().ok();
        let found = group(&root, 0, tags::PIXEL_MEASURES_SEQUENCE).and_then(thickness).or_else(|| thickness(root));
        found.filter(|thickness| thickness.is_finite() && *thickness > 0.0)
    }
}

/// A plane of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct SourcePlane {
    /// Kind of the instance that holds it.
    pub sop_class_uid: String,
    /// The instance that holds it.
    pub sop_instance_uid: String,
    /// Counted from 1; `None` where the instance has one frame.
    pub frame: Option<u32>,
    /// ImagePositionPatient.
    pub position: Option<[f64; 3]>,
}
