use dicom_object::InMemDicomObject;

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
