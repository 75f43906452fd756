//! What can be measured on label maps and on the maps that networks put beside them. Every length
//! is in mm, from the spacing of the grid.
//!
//! | module | what it measures |
//! |---|---|
//! | [`Mask`] | which voxels belong to a structure, one bit each; what everything here works on |
//! | [`Components`] | connected components |
//! | [`morphology`] | erosion, dilation, holes |
//! | [`convex_hull`] | what a structure would be without dents |
//! | [`cleaning`] | repairs of label maps: largest component, filled holes |
//! | [`dice`] | overlap of two masks |
//! | [`SurfaceDistances`] | Hausdorff distance, HD95, average surface distances |
//! | [`compare`] | a segmentation with its reference, structure by structure |
//! | [`bootstrap_by_patient`] | how far a mean can be trusted |
//! | [`calibration`] | how far a network's probabilities can be trusted |

pub mod calibration;
pub mod cleaning;
pub mod morphology;

mod bootstrap;
mod comparison;
mod connected_components;
mod convex_hull;
mod distance_transform;
mod extent;
mod mask;
mod overlap;
mod surface_distance;

#[cfg(test)]
mod ascii;

pub use bootstrap::{Interval, bootstrap_by_patient, mean};
pub use comparison::{StructureScore, compare};
pub use connected_components::{Components, Connectivity};
pub use convex_hull::convex_hull;
pub use distance_transform::distance_transform;
pub use extent::{Extent, extents};
pub use mask::{Mask, Part};
pub use overlap::{dice, mean_dice};
pub use surface_distance::SurfaceDistances;
