use serde::Serialize;

use crate::domain::{LabelMap, LabelSet, SlowAxis};

/// How large a structure is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Extent {
    /// The structure's name.
    pub structure: String,
    /// Its area in each slice or frame, mm².
    pub areas_mm2: Vec<f64>,
    /// Its volume, ml (1 ml = 1000 mm³): slices times their distance. `None` where the slow axis is not depth.
    pub volume_ml: Option<f64>,
}

/// Areas and volumes of all structures of `set`, by counting voxels.
#[must_use]
pub fn extents(labels: &LabelMap, set: &LabelSet) -> Vec<Extent> {
    let grid = labels.grid();
    let [y, x] = grid.spacing_mm();
    let extent = |value: u8, name: &str| {
        let count = |plane| labels.plane(plane).iter().filter(|&&label| label == value).count();
        let areas_mm2: Vec<f64> = (0..grid.planes()).map(|plane| count(plane) as f64 * y * x).collect();
        let volume_ml = match grid.slow() {
            SlowAxis::Depth { spacing_mm } => Some(areas_mm2.iter().sum::<f64>() * spacing_mm / 1000.0),
            SlowAxis::Single | SlowAxis::Time { .. } => None,
        };
        Extent { structure: name.to_owned(), areas_mm2, volume_ml }
    };
    set.structures().map(|label| extent(label.value, &label.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Label};

    #[test]
    fn voxels_are_counted_in_mm_and_ml() {
        let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
        let set = LabelSet::new(vec![label(0, "background"), label(1, "cavity")]).unwrap();
        let of = |slow| {
            let grid = Grid::new([2, 1, 3], [0.5, 2.0], slow).unwrap();
            extents(&LabelMap::new(grid, vec![1, 1, 0, 0, 0, 1]).unwrap(), &set).remove(0)
        };
        let volume = of(SlowAxis::Depth { spacing_mm: 10.0 });
        assert_eq!((volume.areas_mm2, volume.volume_ml), (vec![2.0, 1.0], Some(0.03)));
        assert_eq!(of(SlowAxis::Time { interval_ms: None }).volume_ml, None);
    }
}
