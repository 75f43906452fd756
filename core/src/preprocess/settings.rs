use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Clahe, PreprocessError, Rescale,
    fit::{centred, cut},
    resample::{linear, nearest},
};
use crate::domain::{Grid, Image, LabelMap, VoxelMap};

/// Spacings this close, relatively, are the same: the accuracy of the float32 that NIfTI keeps
/// them in.
const SAME_SPACING: f64 = 1e-5;
/// Longest axis of a plane, pixels. What would be longer is a slip in the spacing.
const LONGEST_AXIS: usize = 1 << 14;

/// How images are made ready for a network: the `[preprocess]` table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocess {
    /// In-plane spacing `[y, x]` in mm that every image is resampled to; left out, images keep
    /// theirs. `spacing_mm = [0.5, 0.5]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spacing_mm: Option<[f64; 2]>,
    /// In-plane shape `[y, x]` in pixels that every image is cropped or padded with 0 to, about
    /// its centre; left out, images keep theirs. `size = [256, 256]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<[usize; 2]>,
    /// How intensities are brought into [0, 1]: `"none"`, `"min-max"` or `{ divide = 255 }`.
    pub rescale: Rescale,
    /// Local equalisation of contrast; left out, there is none. `clahe = { clip_limit = 0.01 }`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clahe: Option<Clahe>,
}

/// An image that is ready for a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The image, intensities in [0, 1].
    pub image: Image,
    /// The way back to the image as it was.
    pub geometry: PreparedGeometry,
}

/// Where a prepared image lies on the image that it was made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PreparedGeometry {
    original: Grid,
    /// After resampling, before cropping or padding.
    resampled: Grid,
    prepared: Grid,
}

impl Preprocess {
    /// Refuses impossible settings.
    ///
    /// # Errors
    /// [`PreprocessError::Setting`] with the key.
    pub fn check(&self) -> Result<(), PreprocessError> {
        let refuse = |key, found: String, expected| Err(PreprocessError::Setting { key, found, expected });
        if let Some(spacing) = self.spacing_mm
            && spacing.iter().any(|&length| !(length.is_finite() && length > 0.0))
        {
            return refuse("preprocess.spacing_mm", format!("{spacing:?}"), "two finite lengths above 0, in mm");
        }
        if let Some(size) = self.size
            && size.iter().any(|length| !(1..=LONGEST_AXIS).contains(length))
        {
            return refuse("preprocess.size", format!("{size:?}"), "two whole numbers from 1 to 16384");
        }
        self.rescale.check()?;
        self.clahe.as_ref().map_or(Ok(()), Clahe::check)
    }

    /// Makes an image ready: rescale, CLAHE, resample (linear), crop or pad with 0.
    ///
    /// # Errors
    /// If a setting is impossible, an intensity is NaN or infinite, or intensities are not in
    /// [0, 1] after rescaling.
    pub fn apply(&self, image: &Image) -> Result<Prepared, PreprocessError> {
        let geometry = self.geometry(image.grid())?;
        let mut values = image.values().to_vec();
        self.rescale.apply(&mut values)?;
        let plane_len = image.grid().plane_len();
        if let Some(clahe) = &self.clahe {
            for plane in values.chunks_exact_mut(plane_len) {
                clahe.apply(plane, image.grid().plane_shape())?;
            }
        }
        let prepared = values.chunks_exact(plane_len).flat_map(|plane| geometry.prepare(plane)).collect();
        let image = Image::new(geometry.prepared, image.channels(), prepared)?;
        Ok(Prepared { image, geometry })
    }

    /// Brings a label map to where [`Preprocess::apply`] brings its image: nearest neighbour,
    /// padded with background.
    ///
    /// # Errors
    /// If a setting is impossible.
    pub fn apply_labels(&self, labels: &LabelMap) -> Result<LabelMap, PreprocessError> {
        let geometry = self.geometry(labels.grid())?;
        let plane = |index| geometry.prepare_labels(labels.plane(index));
        let prepared = (0..labels.grid().planes()).flat_map(plane).collect();
        Ok(LabelMap::new(geometry.prepared, prepared)?)
    }

    /// Where an image on `grid` will lie.
    ///
    /// # Errors
    /// If a setting is impossible.
    pub fn geometry(&self, grid: &Grid) -> Result<PreparedGeometry, PreprocessError> {
        self.check()?;
        let resampled = self.spacing_mm.map_or(Ok(*grid), |spacing| resampled(grid, spacing))?;
        let prepared = self.size.map_or(Ok(resampled), |size| resampled.with_plane(size, resampled.spacing_mm()))?;
        Ok(PreparedGeometry { original: *grid, resampled, prepared })
    }
}

fn resampled(grid: &Grid, wanted: [f64; 2]) -> Result<Grid, PreprocessError> {
    let old = grid.spacing_mm();
    let spacing = [0, 1].map(|axis| {
        let same = (wanted[axis] - old[axis]).abs() <= SAME_SPACING * old[axis];
        if same { old[axis] } else { wanted[axis] }
    });
    let shape = [0, 1].map(|axis| {
        let length = grid.plane_shape()[axis] as f64 * old[axis] / spacing[axis];
        (length.round() as usize).max(1)
    });
    if shape.iter().any(|&length| length > LONGEST_AXIS) {
        return Err(PreprocessError::Setting {
            key: "preprocess.spacing_mm",
            found: format!("{wanted:?}, which makes planes of {} x {} pixels", shape[0], shape[1]),
            expected: "a spacing that leaves at most 16384 pixels along an axis",
        });
    }
    Ok(grid.with_plane(shape, spacing)?)
}

impl PreparedGeometry {
    /// The grid of the image as it was.
    #[must_use]
    pub fn original(&self) -> &Grid {
        &self.original
    }

    /// The grid of the prepared image.
    #[must_use]
    pub fn prepared(&self) -> &Grid {
        &self.prepared
    }

    /// Brings a label map of the prepared image back to the original grid: nearest neighbour;
    /// what had been cropped off is background.
    ///
    /// # Errors
    /// If `labels` do not lie on the prepared grid.
    pub fn restore_labels(&self, labels: &LabelMap) -> Result<LabelMap, PreprocessError> {
        labels.grid().require_same(&self.prepared, ["the label map", "the prepared image"])?;
        let plane = |index| nearest(&self.uncut(labels.plane(index), 0), &self.resampled, &self.original);
        let restored = (0..self.original.planes()).flat_map(plane).collect();
        Ok(LabelMap::new(self.original, restored)?)
    }

    /// Brings a voxel map of the prepared image back to the original grid: linear; what had been
    /// cropped off is `outside`.
    ///
    /// # Errors
    /// If `map` does not lie on the prepared grid.
    pub fn restore_map(&self, map: &VoxelMap, outside: f32) -> Result<VoxelMap, PreprocessError> {
        map.grid().require_same(&self.prepared, ["the voxel map", "the prepared image"])?;
        let planes = map.values().chunks_exact(self.prepared.plane_len());
        let restored =
            planes.flat_map(|plane| linear(&self.uncut(plane, outside), &self.resampled, &self.original)).collect();
        Ok(VoxelMap::new(self.original, restored)?)
    }

    fn prepare(&self, plane: &[f32]) -> Vec<f32> {
        self.cut(&linear(plane, &self.original, &self.resampled), 0.0)
    }

    fn prepare_labels(&self, plane: &[u8]) -> Vec<u8> {
        self.cut(&nearest(plane, &self.original, &self.resampled), 0)
    }

    fn cut<T: Copy>(&self, plane: &[T], outside: T) -> Vec<T> {
        cut(plane, self.resampled.plane_shape(), self.prepared.plane_shape(), self.start(), outside)
    }

    fn uncut<T: Copy>(&self, plane: &[T], outside: T) -> Vec<T> {
        let start = self.start().map(|start| -start);
        cut(plane, self.prepared.plane_shape(), self.resampled.plane_shape(), start, outside)
    }

    /// Where the prepared plane begins on the resampled one, `[y, x]`.
    fn start(&self) -> [isize; 2] {
        let ([from_y, from_x], [to_y, to_x]) = (self.resampled.plane_shape(), self.prepared.plane_shape());
        [centred(from_y, to_y), centred(from_x, to_x)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::SlowAxis;

    fn settings() -> impl Strategy<Value = Preprocess> {
        let spacing = proptest::option::of([0.2..3.0_f64, 0.2..3.0_f64]);
        let size = proptest::option::of([1..40_usize, 1..40_usize]);
        (spacing, size).prop_map(|(spacing_mm, size)| Preprocess { spacing_mm, size, ..Preprocess::default() })
    }

    fn grids() -> impl Strategy<Value = Grid> {
        ([1..4_usize, 1..30, 1..30], [0.3..2.0_f64, 0.3..2.0_f64])
            .prop_map(|(shape, spacing)| Grid::new(shape, spacing, SlowAxis::Time { interval_ms: None }).unwrap())
    }

    fn striped(grid: Grid) -> LabelMap {
        LabelMap::new(grid, (0..grid.len()).map(|index| (index % 3) as u8).collect()).unwrap()
    }

    proptest! {
        #[test]
        fn restored_labels_lie_on_the_original_grid(preprocess in settings(), grid in grids()) {
            let geometry = preprocess.geometry(&grid).unwrap();
            let prepared = preprocess.apply_labels(&striped(grid)).unwrap();
            prop_assert_eq!(prepared.grid(), geometry.prepared());
            let restored = geometry.restore_labels(&prepared).unwrap();
            prop_assert_eq!(restored.grid(), &grid);
        }

        #[test]
        fn the_same_spacing_changes_nothing(grid in grids()) {
            let preprocess = Preprocess { spacing_mm: Some(grid.spacing_mm()), ..Preprocess::default() };
            let values: Vec<f32> = (0..grid.len()).map(|index| (index % 97) as f32 / 97.0).collect();
            let image = Image::new(grid, 1, values.clone()).unwrap();
            let prepared = preprocess.apply(&image).unwrap();
            prop_assert_eq!(&prepared.image, &image);
            prop_assert_eq!(preprocess.apply_labels(&striped(grid)).unwrap(), striped(grid));
            let map = VoxelMap::new(grid, values).unwrap();
            prop_assert_eq!(prepared.geometry.restore_map(&map, 0.0).unwrap(), map);
        }

        #[test]
        fn a_constant_image_stays_constant(
            grid in grids(), spacing in [0.2..3.0_f64, 0.2..3.0_f64], value in 0.0..1.0_f32, clahe: bool
        ) {
            let clahe = clahe.then(Clahe::default);
            let preprocess = Preprocess { spacing_mm: Some(spacing), clahe, ..Preprocess::default() };
            let image = Image::new(grid, 2, vec![value; 2 * grid.len()]).unwrap();
            let prepared = preprocess.apply(&image).unwrap();
            prop_assert!(prepared.image.values().iter().all(|&found| (found - value).abs() <= 1e-6));
        }

        #[test]
        fn padding_is_undone_exactly(grid in grids(), more in [0..9_usize, 0..9_usize]) {
            let [y, x] = grid.plane_shape();
            let preprocess = Preprocess { size: Some([y + more[0], x + more[1]]), ..Preprocess::default() };
            let geometry = preprocess.geometry(&grid).unwrap();
            let prepared = preprocess.apply_labels(&striped(grid)).unwrap();
            prop_assert_eq!(geometry.restore_labels(&prepared).unwrap(), striped(grid));
        }
    }

    #[test]
    fn a_finer_grid_gives_every_label_back() {
        let grid = Grid::plane([21, 34], [1.0, 0.7]).unwrap();
        let preprocess = Preprocess { spacing_mm: Some([0.31, 0.3]), ..Preprocess::default() };
        let geometry = preprocess.geometry(&grid).unwrap();
        let prepared = preprocess.apply_labels(&striped(grid)).unwrap();
        assert_eq!(geometry.restore_labels(&prepared).unwrap(), striped(grid));
    }

    #[test]
    fn what_was_cropped_off_comes_back_as_outside() {
        let grid = Grid::plane([1, 4], [1.0, 1.0]).unwrap();
        let preprocess = Preprocess { size: Some([1, 2]), ..Preprocess::default() };
        let geometry = preprocess.geometry(&grid).unwrap();
        let labels = LabelMap::new(*geometry.prepared(), vec![1, 2]).unwrap();
        assert_eq!(geometry.restore_labels(&labels).unwrap().labels(), [0, 1, 2, 0]);
        let map = VoxelMap::new(*geometry.prepared(), vec![0.25, 0.5]).unwrap();
        assert_eq!(geometry.restore_map(&map, 1.0).unwrap().values(), [1.0, 0.25, 0.5, 1.0]);
        assert!(geometry.restore_labels(&LabelMap::background(grid)).is_err());
    }

    #[test]
    fn impossible_settings_are_named() {
        let grid = Grid::plane([4, 4], [1.0, 1.0]).unwrap();
        let cases = [
            ("spacing_mm", Preprocess { spacing_mm: Some([0.0, 1.0]), ..Preprocess::default() }),
            ("spacing_mm", Preprocess { spacing_mm: Some([f64::NAN, 1.0]), ..Preprocess::default() }),
            ("spacing_mm", Preprocess { spacing_mm: Some([1e-6, 1.0]), ..Preprocess::default() }),
            ("size", Preprocess { size: Some([0, 4]), ..Preprocess::default() }),
            ("divide", Preprocess { rescale: Rescale::Divide(0.0), ..Preprocess::default() }),
            ("clip_limit", Preprocess { clahe: Some(Clahe { clip_limit: 0.0 }), ..Preprocess::default() }),
        ];
        for (key, preprocess) in cases {
            let error = preprocess.geometry(&grid).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn keys_are_read_as_documented_and_unknown_ones_refused() {
        let read = |text: &str| serde_json::from_str::<Preprocess>(text);
        assert_eq!(read("{}").unwrap(), Preprocess::default());
        assert_eq!(read(r#"{"rescale":{"divide":255}}"#).unwrap().rescale, Rescale::Divide(255.0));
        assert_eq!(read(r#"{"rescale":"min-max","clahe":{}}"#).unwrap().clahe, Some(Clahe::default()));
        assert!(read(r#"{"spacing":[1,1]}"#).is_err());
        assert!(read(r#"{"clahe":{"clip":0.1}}"#).is_err());
    }
}
