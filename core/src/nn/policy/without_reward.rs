//! What other methods do on images without labels: no reward, no drawn label.

use super::{NetworkPolicy, missing_reference};
use crate::{
    component::Result,
    domain::{ImageBatch, LabelBatch},
    nn::{
        batch::{BatchShape, finite_scalar},
        batch_norm::Normalization,
        learner::{Step, Trained},
        network::Tracked,
        parameters::Tensors,
    },
    rl::{distribution::Categorical, mean},
};

impl NetworkPolicy {
    pub(super) fn absorb_statistics(&mut self, images: &ImageBatch) -> Result<()> {
        // A tracked pass without a backward one would keep its activations for good.
        let mut normalization = Normalization::batch();
        let planes = self.planes(images, &self.device)?;
        finite_scalar("the mean logit", &self.actor.frozen().forward(planes, &mut normalization)?.mean())?;
        let device = self.device.clone().autodiff();
        let moments = normalization.into_moments().into_iter().map(|seen| seen.copied_to(&device)).collect();
        self.actor.edit(|mut network| {
            network.absorb(moments);
            network
        });
        Ok(())
    }

    pub(super) fn minimize_entropy(&mut self, images: &ImageBatch, learning_rate: f64) -> Result<f64> {
        let planes = self.planes(images, &self.device.clone().autodiff())?;
        let Tracked { logits, pass } = self.actor.forward_train(planes)?;
        let loss = mean(Categorical::from_logits(BatchShape::of(images).unfold(logits)).entropy());
        let entropy = finite_scalar("the entropy", &loss)?;
        let trained = Trained::Normalization;
        self.actor.step(Step { loss, pass, learning_rate, max_grad_norm: None, trained })?;
        Ok(entropy)
    }

    pub(super) fn labels_of_reference(&self, images: &ImageBatch) -> Result<LabelBatch> {
        self.segment_by(self.reference.as_ref().ok_or_else(missing_reference)?, images)
    }

    pub(super) fn move_reference(&mut self, keep: f64) -> Result<()> {
        let reference = self.reference.take().ok_or_else(missing_reference)?;
        let mut newer = self.actor.network().tensors().into_iter();
        self.reference = Some(reference.edited(|tensor| {
            let Some(newer) = newer.next() else { return };
            for (old, new) in tensor.values.iter_mut().zip(newer.values) {
                *old = (keep * f64::from(*old) + (1.0 - keep) * f64::from(new)) as f32;
            }
        }));
        Ok(())
    }
}
