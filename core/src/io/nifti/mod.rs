//! NIfTI files of both versions (`.nii`, or the pair `.hdr` and `.img`, each packed with gzip or not, in either byte order), read
//! and written without losing their geometry.
//!
//! NIfTI counts x fastest, then y, z and t, so the bytes of a file already lie in this project's
//! order `[slow, y, x]`; nothing is transposed or flipped on the way in or out.
//!
//! What a header leaves open is settled here once:
//! * lengths are in the unit of `xyzt_units`; where that says "unknown" they are taken as
//!   millimetres, as every viewer does;
//! * a third axis is depth unless the caller says that it is time ([`ThirdAxis`]); a fourth axis is
//!   time, and a file that has both depth and time is refused;
//! * an `sform` whose columns are not as long as `pixdim` says is refused.

mod fields;
mod geometry;
mod header;
mod pair;
mod read;
mod unpack;
mod write;

pub use geometry::NiftiGeometry;
pub(in crate::io) use pair::header_file;
pub(in crate::io) use read::{is_nifti, read};
pub use read::{read_image, read_labels};
pub use write::{write_image, write_labels, write_map};

use serde::{Deserialize, Serialize};

/// What the third axis of a three-dimensional file is. The header cannot say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThirdAxis {
    /// Slices of a volume.
    Depth,
    /// Frames of a sequence.
    Time,
}
