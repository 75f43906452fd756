use super::{DomainError, Grid, Image, LabelMap, image::check_len};

/// Images of one shape, `[batch, channel, slow, y, x]` in C order.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageBatch {
    /// Number of images.
    pub batch: usize,
    /// Channels of each.
    pub channels: usize,
    /// `[slow, y, x]` of each.
    pub shape: [usize; 3],
    /// `[batch, channel, slow, y, x]`.
    pub values: Vec<f32>,
}

impl ImageBatch {
    /// Puts images of one shape behind each other.
    ///
    /// # Errors
    /// If there is none, or one differs from the first in shape or channels.
    pub fn stack<'a>(images: impl IntoIterator<Item = &'a Image>) -> Result<Self, DomainError> {
        let mut images = images.into_iter().peekable();
        let Some(first) = images.peek() else {
            return Err(DomainError::Length { what: "an image batch".to_owned(), found: 0, expected: 1 });
        };
        let (channels, shape) = (first.channels(), first.grid().shape());
        let mut stacked = Self { batch: 0, channels, shape, values: Vec::new() };
        for image in images {
            if image.channels() != channels || image.grid().shape() != shape {
                return Err(shapes_differ(image.grid(), shape));
            }
            stacked.values.extend_from_slice(image.values());
            stacked.batch += 1;
        }
        Ok(stacked)
    }

    /// Voxels of each image.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Label maps of one shape, `[batch, voxel]` in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelBatch {
    /// Number of label maps.
    pub batch: usize,
    /// `[slow, y, x]` of each.
    pub shape: [usize; 3],
    /// `[batch, voxel]`.
    pub labels: Vec<u8>,
}

impl LabelBatch {
    /// Puts label maps of one shape behind each other.
    ///
    /// # Errors
    /// If there is none, or one differs from the first in shape.
    pub fn stack<'a>(maps: impl IntoIterator<Item = &'a LabelMap>) -> Result<Self, DomainError> {
        let mut maps = maps.into_iter().peekable();
        let Some(first) = maps.peek() else {
            return Err(DomainError::Length { what: "a label batch".to_owned(), found: 0, expected: 1 });
        };
        let shape = first.grid().shape();
        let mut stacked = Self { batch: 0, shape, labels: Vec::new() };
        for map in maps {
            if map.grid().shape() != shape {
                return Err(shapes_differ(map.grid(), shape));
            }
            stacked.labels.extend_from_slice(map.labels());
            stacked.batch += 1;
        }
        Ok(stacked)
    }

    /// Voxels of each label map.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// The label maps one by one, on `grids`.
    ///
    /// # Errors
    /// If a grid's shape differs from the batch's, or their number does.
    pub fn unstack(&self, grids: &[Grid]) -> Result<Vec<LabelMap>, DomainError> {
        check_len("a batch of grids", grids.len(), self.batch)?;
        let maps = self.labels.chunks_exact(self.voxels()).zip(grids);
        maps.map(|(labels, grid)| LabelMap::new(*grid, labels.to_vec())).collect()
    }
}

fn shapes_differ(grid: &Grid, expected: [usize; 3]) -> DomainError {
    DomainError::GridMismatch {
        left: "an image".to_owned(),
        right: "the first of its batch".to_owned(),
        detail: format!("shape [slow, y, x] {:?} against {expected:?}", grid.shape()),
    }
}

/// What a policy did: a label for each voxel and how likely it was. All `[batch, voxel]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Actions {
    /// The labels taken.
    pub labels: LabelBatch,
    /// log π(label | image) of each label taken, under the policy that took it.
    pub log_probs: Vec<f32>,
    /// log π_ref of the same labels; `None` where there is no reference policy.
    pub reference_log_probs: Option<Vec<f32>>,
}

/// One batch of experience for [`Policy::update`](crate::component::Policy::update). All maps are
/// `[batch, voxel]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// The states.
    pub images: ImageBatch,
    /// The actions, pseudo-references included where they replaced what was drawn.
    pub actions: Actions,
    /// The reward model's judgement of the actions, in [0, 1].
    pub rewards: Vec<f32>,
    /// For each image, whether its labels are an accepted pseudo-reference; its reward is then 1.
    pub is_pseudo_reference: Vec<bool>,
}
