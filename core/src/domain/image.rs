use super::{DomainError, Grid, SlowAxis};

/// Intensities, `[channel, slow, y, x]` in C order.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    grid: Grid,
    channels: usize,
    values: Vec<f32>,
}

impl Image {
    /// An image of `channels` on `grid`; `values` are `[channel, slow, y, x]`.
    ///
    /// # Errors
    /// [`DomainError::Length`] if `values` do not fill the shape.
    pub fn new(grid: Grid, channels: usize, values: Vec<f32>) -> Result<Self, DomainError> {
        check_len("an image [channel, slow, y, x]", values.len(), channels.max(1) * grid.len())?;
        Ok(Self { grid, channels, values })
    }

    /// Shape and spacing.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All values, `[channel, slow, y, x]`.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// `count` planes from plane `first` on; one plane lies on a grid without a slow axis.
    ///
    /// # Errors
    /// [`DomainError::Length`] if there are not as many.
    pub fn some_planes(&self, first: usize, count: usize) -> Result<Self, DomainError> {
        let [_, y, x] = self.grid.shape();
        let slow = if count == 1 { SlowAxis::Single } else { self.grid.slow() };
        let portion = Grid::new([count, y, x], self.grid.spacing_mm(), slow)?;
        let plane = self.grid.plane_len();
        let channels = self.values.chunks_exact(self.grid.len());
        let values = channels.flat_map(|channel| channel.iter().skip(first * plane).take(count * plane).copied());
        Self::new(portion, self.channels, values.collect())
    }

    /// All values, to be written.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Takes the values out, `[channel, slow, y, x]`.
    #[must_use]
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}

/// One real number for each voxel, `[slow, y, x]`: a reward, a probability, an uncertainty.
#[derive(Debug, Clone, PartialEq)]
pub struct VoxelMap {
    grid: Grid,
    values: Vec<f32>,
}

impl VoxelMap {
    /// A map on `grid`.
    ///
    /// # Errors
    /// [`DomainError::Length`] if `values` do not fill the shape.
    pub fn new(grid: Grid, values: Vec<f32>) -> Result<Self, DomainError> {
        check_len("a voxel map [slow, y, x]", values.len(), grid.len())?;
        Ok(Self { grid, values })
    }

    /// Shape and spacing.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// All values, `[slow, y, x]`.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

pub(super) fn check_len(what: &str, found: usize, expected: usize) -> Result<(), DomainError> {
    if found == expected { Ok(()) } else { Err(DomainError::Length { what: what.to_owned(), found, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_take_their_planes_of_each_channel() {
        let grid = Grid::new([3, 1, 2], [1.0, 1.0], SlowAxis::Depth { spacing_mm: 2.0 }).unwrap();
        let image = Image::new(grid, 2, (0..12_u8).map(f32::from).collect()).unwrap();
        assert_eq!(image.some_planes(1, 2).unwrap().values(), [2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(image.some_planes(2, 1).unwrap().grid().slow(), SlowAxis::Single);
        assert!(image.some_planes(2, 2).is_err());
    }
}
