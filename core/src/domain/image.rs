use super::{DomainError, Grid};

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
