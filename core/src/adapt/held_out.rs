//! How good the policy looks on target images that it does not learn from, without any label.

use rayon::prelude::*;

use super::{
    AdaptError, Calibration, Components, PreparedCase, StepContext, batches,
    choice::Score,
    prepared::{prepare, shapes, stack},
    rollout::rewards,
};
use crate::{
    component::ComponentError,
    domain::{LabelBatch, LabelSet, Split},
};

/// The target's validation images.
pub(super) struct HeldOut {
    cases: Vec<PreparedCase>,
    /// Images a network call.
    batch: usize,
}

impl HeldOut {
    pub fn load(context: &mut StepContext<'_>, components: &Components) -> Result<Self, AdaptError> {
        let (target, preprocess) = (&components.target, &context.plan.preprocess);
        let cases = prepare(target.cases(Split::Validation), |id| target.image(id), preprocess, context.observer)?;
        Ok(Self { cases, batch: context.plan.collect.batch })
    }

    /// How many images there are.
    pub fn cases(&self) -> usize {
        self.cases.len()
    }

    /// Validity and reward of the policy as it is after `epoch`.
    ///
    /// # Errors
    /// [`AdaptError::Collapsed`] if it gives every voxel of every image the same label; [`AdaptError::Interrupted`].
    pub fn score(
        &self,
        context: &StepContext<'_>,
        components: &Components,
        calibration: &Calibration,
        epoch: usize,
    ) -> Result<Score, AdaptError> {
        let validity = &components.judges.validity;
        let (mut valid, mut reward) = (0, 0.0);
        let mut seen = OnlyLabel::default();
        for batch in batches::in_order(&shapes(&self.cases), self.batch) {
            context.go_on()?;
            let images = stack(&self.cases, &batch)?;
            let labels = components.policy.segment(&images)?;
            seen.look_at(&labels);
            let of_batch = rewards(components, calibration, &images, &labels)?;
            reward += of_batch.iter().map(|&reward| f64::from(reward)).sum::<f64>() / images.voxels() as f64;
            let grids: Vec<_> = batch.iter().map(|&case| *self.cases[case].image.grid()).collect();
            let accepted: Result<Vec<bool>, ComponentError> =
                labels.unstack(&grids)?.par_iter().map(|labels| validity.accepts(labels)).collect();
            valid += accepted?.into_iter().filter(|&accepted| accepted).count();
        }
        if let Some(label) = seen.only() {
            let label = name(&components.judges.labels, label);
            return Err(AdaptError::Collapsed { epoch, label, images: self.cases.len() });
        }
        let cases = self.cases.len() as f64;
        Ok(Score { valid: valid as f64 / cases, reward: reward / cases })
    }
}

fn name(labels: &LabelSet, value: u8) -> String {
    labels.iter().find(|label| label.value == value).map_or_else(|| value.to_string(), |label| label.name.clone())
}

/// Finds out whether there is more than one label.
#[derive(Default)]
struct OnlyLabel {
    first: Option<u8>,
    others: bool,
}

impl OnlyLabel {
    fn look_at(&mut self, batch: &LabelBatch) {
        for &label in &batch.labels {
            let first = *self.first.get_or_insert(label);
            self.others |= label != first;
        }
    }

    fn only(&self) -> Option<u8> {
        self.first.filter(|_| !self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(labels: &[u8]) -> LabelBatch {
        LabelBatch { batch: 1, shape: [1, 1, labels.len()], labels: labels.to_vec() }
    }

    #[test]
    fn one_label_in_all_images_is_a_collapse() {
        let only = |batches: &[&[u8]]| {
            let mut seen = OnlyLabel::default();
            batches.iter().for_each(|labels| seen.look_at(&batch(labels)));
            seen.only()
        };
        assert_eq!(only(&[&[0, 0], &[0]]), Some(0));
        assert_eq!(only(&[&[2, 2], &[2]]), Some(2));
        assert_eq!(only(&[&[0, 0], &[1]]), None);
        assert_eq!(only(&[]), None);
    }
}
