use serde::{Deserialize, Serialize};

/// What the file of an image tells beside its voxels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ImageFacts {
    /// From voxel index (x, y, z) to position in mm, x to the patient's right-to-left, y back-to-front, z upwards (RAS+): three rows, the
    /// last column is the origin. Nothing where the file does not tell where the image lies.
    #[serde(default)]
    pub affine: Option<[[f64; 4]; 3]>,
    /// What kind of place that is, as in NIfTI's `sform_code`: 1 the scanner's, 2 that of another image, 3 Talairach, 4 MNI 152, 5 of
    /// another template. Nothing where the file does not tell: then it is the scanner's.
    #[serde(default)]
    pub place_code: Option<i16>,
    /// What a careful reader would want to know of it, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}
