use super::{ComponentError, ErrorKind, InferenceMemory, Result, TrainingMemory, TrainingState};
use crate::domain::{ImageBatch, LabelBatch, Seed};

/// A network that tells, for every voxel of a segmented image, how likely its label is right.
///
/// Its logits are raw; the loop divides them by the fitted temperature and takes the sigmoid.
pub trait RewardModel: Send {
    /// Whether it learns from samples. One that does not is neither fitted nor calibrated.
    fn is_learnt(&self) -> bool {
        true
    }

    /// Starts again from fresh weights.
    ///
    /// # Errors
    /// If the network cannot be built.
    fn reset(&mut self, seed: Seed) -> Result<()>;

    /// One supervised step (binary cross-entropy on logits). Returns the loss before the step.
    ///
    /// # Errors
    /// If the batch does not fit the network or the loss is not finite; the weights are then
    /// unchanged.
    fn fit_step(&mut self, batch: &RewardBatch, learning_rate: f64) -> Result<f64>;

    /// What [`RewardModel::logits`] takes for as many planes of shape `[y, x]` at once; nothing where that is not known.
    fn inference_memory(&self, _planes: usize, _shape: [usize; 2]) -> Option<InferenceMemory> {
        None
    }

    /// What [`RewardModel::fit_step`] takes with as many planes of shape `[y, x]` at once; nothing where that is not known.
    fn training_memory(&self, _planes: usize, _shape: [usize; 2]) -> Option<TrainingMemory> {
        None
    }

    /// log p / (1 − p) of each voxel's label being right, `[batch, voxel]`, in inference mode: the
    /// answer for one image does not depend on the others of its batch.
    ///
    /// # Errors
    /// If images and labels do not fit together or the output is not finite.
    fn logits(&self, images: &ImageBatch, labels: &LabelBatch) -> Result<Vec<f32>>;

    /// All weights, as safetensors.
    ///
    /// # Errors
    /// If a weight is NaN or infinite.
    fn state(&self) -> Result<Vec<u8>>;

    /// Takes all weights back.
    ///
    /// # Errors
    /// If they do not belong to this architecture; names the first tensor that differs.
    fn restore(&mut self, state: &[u8]) -> Result<()>;

    /// Everything that further training depends on: the weights and what the optimiser has accumulated. Nothing where the
    /// network cannot tell; a step that is interrupted is then begun again.
    ///
    /// # Errors
    /// If a number of it is NaN or infinite.
    fn training_state(&self) -> Result<Option<TrainingState>> {
        Ok(None)
    }

    /// Goes on from what [`RewardModel::training_state`] gave, as if nothing had been in between.
    ///
    /// # Errors
    /// If it does not belong to this architecture.
    fn resume_training(&mut self, _state: &TrainingState) -> Result<()> {
        let message = "this reward model gives no training state, so it takes none";
        Err(ComponentError::new(ErrorKind::Unsupported, message))
    }
}

/// Examples for one step of [`RewardModel::fit_step`].
#[derive(Debug, Clone, PartialEq)]
pub struct RewardBatch {
    /// The images.
    pub images: ImageBatch,
    /// The label maps to be judged.
    pub labels: LabelBatch,
    /// 1 where the label is right, 0 where it is wrong, `[batch, voxel]`.
    pub correctness: Vec<f32>,
}
