//! A plane in overlapping tiles, and what was found in them as one plane again.

/// The Gaussian's standard deviation as a share of a tile's side (nnU-Net: Isensee et al. 2021).
const SIGMA: f64 = 1.0 / 8.0;

/// Tiles of a plane. Neighbours overlap by half a side or more, and a voxel counts the less the farther it is from
/// the middle of its tile: a network knows least about what lies at the border of what it sees.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tiles {
    rows: Axis,
    columns: Axis,
}

/// One axis of a plane.
#[derive(Debug, Clone, PartialEq)]
struct Axis {
    len: usize,
    /// Voxels of a tile.
    tile: usize,
    /// The first voxel of each tile.
    starts: Vec<usize>,
    /// How much each voxel of a tile counts.
    weights: Vec<f32>,
    /// The sum of all tiles' weights at each voxel of the plane.
    sums: Vec<f32>,
}

impl Axis {
    fn new(len: usize, side: usize) -> Self {
        let tile = side.min(len);
        let last = len - tile;
        let mut starts: Vec<usize> = (0..last).step_by((side / 2).max(1)).collect();
        starts.push(last);
        let middle = (tile as f64 - 1.0) / 2.0;
        let weight = |at: usize| (-0.5 * ((at as f64 - middle) / (SIGMA * side as f64)).powi(2)).exp() as f32;
        let weights: Vec<f32> = (0..tile).map(weight).collect();
        let mut sums = vec![0.0; len];
        for start in &starts {
            sums[*start..].iter_mut().zip(&weights).for_each(|(sum, weight)| *sum += weight);
        }
        Self { len, tile, starts, weights, sums }
    }
}

impl Tiles {
    /// Tiles of at most `side` voxels along both axes of a plane `[y, x]`, both at least 1.
    pub fn new([rows, columns]: [usize; 2], side: usize) -> Self {
        Self { rows: Axis::new(rows, side), columns: Axis::new(columns, side) }
    }

    /// `[y, x]` of each tile.
    pub fn shape(&self) -> [usize; 2] {
        [self.rows.tile, self.columns.tile]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rows.starts.len() * self.columns.starts.len()
    }

    /// The first voxel `[y, x]` of each tile, row by row.
    fn starts(&self) -> impl Iterator<Item = [usize; 2]> {
        self.rows.starts.iter().flat_map(|y| self.columns.starts.iter().map(|x| [*y, *x]))
    }

    /// What a tile that starts at `[y, x]` holds of each of the planes, `[plane, y, x]`.
    pub fn cut<T: Copy>(&self, planes: &[T], [y, x]: [usize; 2]) -> Vec<T> {
        let lines = planes.chunks_exact(self.columns.len * self.rows.len).flat_map(|plane| {
            plane
                .chunks_exact(self.columns.len)
                .skip(y)
                .take(self.rows.tile)
                .map(|line| &line[x..x + self.columns.tile])
        });
        lines.flatten().copied().collect()
    }

    /// The weighted mean of what `of_tile` gives for each tile, `[score, y, x]` for `scores` of them, given the
    /// tile's first voxel; `[score, y, x]` of the whole plane.
    pub fn blend<E>(
        &self,
        scores: usize,
        mut of_tile: impl FnMut([usize; 2]) -> Result<Vec<f32>, E>,
    ) -> Result<Vec<f32>, E> {
        let plane = self.rows.len * self.columns.len;
        let mut blended = vec![0.0; scores * plane];
        for start in self.starts() {
            let found = of_tile(start)?;
            for (values, to) in
                found.chunks_exact(self.rows.tile * self.columns.tile).zip(blended.chunks_exact_mut(plane))
            {
                self.add(values, to, start);
            }
        }
        for to in blended.chunks_exact_mut(plane) {
            self.divide(to);
        }
        Ok(blended)
    }

    fn add(&self, values: &[f32], plane: &mut [f32], [y, x]: [usize; 2]) {
        let lines = plane.chunks_exact_mut(self.columns.len).skip(y).zip(values.chunks_exact(self.columns.tile));
        for ((line, values), of_row) in lines.zip(&self.rows.weights) {
            for ((to, value), of_column) in line[x..].iter_mut().zip(values).zip(&self.columns.weights) {
                *to += of_row * of_column * value;
            }
        }
    }

    fn divide(&self, plane: &mut [f32]) {
        for (line, of_row) in plane.chunks_exact_mut(self.columns.len).zip(&self.rows.sums) {
            line.iter_mut().zip(&self.columns.sums).for_each(|(to, of_column)| *to /= of_row * of_column);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn tiles_cover_the_plane_and_overlap_by_half() {
        let axis = Axis::new(300, 128);
        assert_eq!(axis.starts, [0, 64, 128, 172]);
        assert_eq!(Axis::new(128, 128).starts, [0]);
        assert_eq!(Axis::new(129, 128).starts, [0, 1]);
        assert_eq!(Axis::new(40, 128).tile, 40);
        assert!(axis.sums.iter().all(|sum| *sum > 0.0));
    }

    #[test]
    fn what_tiles_agree_on_comes_back() {
        let plane: Vec<f32> = (0..2 * 37 * 50).map(|index| (index % 97) as f32).collect();
        let tiles = Tiles::new([37, 50], 16);
        let blended = tiles.blend(2, |start| Ok::<_, Infallible>(tiles.cut(&plane, start))).unwrap();
        assert!(blended.iter().zip(&plane).all(|(found, expected)| (found - expected).abs() < 1e-4));
    }

    #[test]
    fn the_middle_of_a_tile_counts_most() {
        let tiles = Tiles::new([8, 24], 16);
        assert_eq!(tiles.count(), 2);
        let mut number = 0.0;
        let blended = tiles.blend(1, |_| {
            number += 1.0;
            Ok::<_, Infallible>(vec![number; 8 * 16])
        });
        let line = &blended.unwrap()[..24];
        assert!(line.is_sorted() && line[0] < 1.01 && line[23] > 1.99, "{line:?}");
        assert!((line[11] + line[12] - 3.0).abs() < 1e-5);
    }
}
