//! Supervised steps between the policy's updates: on the source, so that what was learnt from experts is
//! not forgotten (rehearsal: Robins 1995), and on what is held to be right in the target (self-training).

use serde::{Deserialize, Serialize};

use super::{AdaptError, Components, StepContext, batches, labelled::Labelled, prepared::shapes, training::Training};
use crate::{
    component::{ComponentError, ImitationStep, Policy},
    domain::{Seed, Split},
    preprocess::Augment,
};

/// The source's training cases, and those of the target that are trusted where that is asked for, in a drawn order that begins again when it is through.
pub(super) struct Rehearsal {
    labelled: Labelled,
    augment: Augment,
    batch: usize,
    label_smoothing: f64,
    seed: Seed,
    pub order: Order,
}

/// How far the rehearsal is through its cases.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Order {
    /// Batches of this round that are still to come, the next one last.
    left: Vec<Vec<usize>>,
    rounds: usize,
    steps: usize,
}

impl Rehearsal {
    /// Nothing where no steps are asked for. `training` tells what is held to be right for
    /// target images.
    pub fn load(
        context: &mut StepContext<'_>,
        components: &Components,
        training: &Training,
    ) -> Result<Option<Self>, AdaptError> {
        let (pretrain, policy) = (&context.plan.pretrain, &context.plan.policy);
        if policy.rehearsal_steps == 0 {
            return Ok(None);
        }
        let label_smoothing = pretrain.label_smoothing;
        let (augment, batch, seed) = (pretrain.augment, pretrain.batch, context.seed.named("rehearsal"));
        let mut labelled = Labelled::load(context, components, Split::Train)?;
        for (case, right) in training.rehearsed(context)? {
            labelled.cases.push(case.clone());
            labelled.references.push(right);
        }
        Ok(Some(Self { labelled, augment, batch, label_smoothing, seed, order: Order::default() }))
    }

    /// `count` supervised steps.
    pub fn rehearse(
        &mut self,
        policy: &mut dyn Policy,
        count: usize,
        learning_rate: f64,
    ) -> Result<(), ComponentError> {
        let step = ImitationStep { learning_rate, label_smoothing: self.label_smoothing };
        for _ in 0..count {
            if self.order.left.is_empty() {
                let seed = self.seed.named("order").indexed(self.order.rounds);
                self.order.left = batches::shuffled(&shapes(&self.labelled.cases), self.batch, seed);
                self.order.rounds += 1;
            }
            let Some(chosen) = self.order.left.pop() else { return Ok(()) };
            let seed = self.seed.named("augment").indexed(self.order.steps);
            let (images, labels) = self.labelled.batch(&chosen, self.augment, seed)?;
            let imitated = policy.imitate(&images, &labels, &step);
            imitated
                .map_err(|error| error.context(format!("a supervised step on {}", self.labelled.names(&chosen))))?;
            self.order.steps += 1;
        }
        Ok(())
    }
}
