use crate::domain::LabelMap;

/// Where the structures of a plane lie together, and how large they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pose {
    /// Centroid of all structures `[y, x]`, mm from the centre of the first voxel.
    pub centre_mm: [f64; 2],
    /// Square root of the area of all structures, mm.
    pub radius_mm: f64,
}

impl Pose {
    /// The pose of one slice or frame; `None` where it is all background.
    pub fn of(labels: &LabelMap, plane: usize) -> Option<Self> {
        let [_, width] = labels.grid().plane_shape();
        let [spacing_y, spacing_x] = labels.grid().spacing_mm();
        let (mut voxels, mut sum_y, mut sum_x) = (0_usize, 0_usize, 0_usize);
        for (y, row) in labels.plane(plane).chunks_exact(width).enumerate() {
            for x in (0..width).filter(|&x| row[x] != 0) {
                voxels += 1;
                sum_y += y;
                sum_x += x;
            }
        }
        (voxels > 0).then(|| Self {
            centre_mm: [sum_y as f64 / voxels as f64 * spacing_y, sum_x as f64 / voxels as f64 * spacing_x],
            radius_mm: (voxels as f64 * spacing_y * spacing_x).sqrt(),
        })
    }
}
