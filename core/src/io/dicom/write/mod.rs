//! Results as DICOM: label maps as segmentations (PS3.3, A.51), uncertainty as parametric maps (PS3.3, A.75).
//!
//! What is written refers to the image that it was made from, plane by plane: to a slice's instance, or to a frame of a cine. A cine
//! that has no places of its planes is written with those references alone.
//!
//! The same input gives the same bytes, and other bytes have other identifiers: they are made of what is written, and dates and times
//! are the image's.

mod codes;
mod color;
mod copied;
mod derived;
mod elements;
mod parametric_map;
mod segmentation;

pub use parametric_map::write_parametric_map;
pub use segmentation::write_segmentation;
