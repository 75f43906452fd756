//! What a policy under training is, beside its settings.

use std::collections::BTreeMap;

use super::NetworkPolicy;
use crate::{
    component::{Result, TrainingState},
    nn::{learner::Learner, network::Network, weights::Weights},
};

const ACTOR: &str = "actor";
const CRITIC: &str = "critic";
const REFERENCE: &str = "reference";

impl NetworkPolicy {
    pub(super) fn all_state(&self) -> Result<TrainingState> {
        let mut parts = BTreeMap::new();
        self.actor.save_into(&mut parts, ACTOR)?;
        self.critic.save_into(&mut parts, CRITIC)?;
        if let Some(reference) = &self.reference {
            parts.insert(REFERENCE.to_owned(), Weights::of(reference, "the reference policy").to_safetensors()?);
        }
        Ok(TrainingState(parts))
    }

    pub(super) fn resume(&mut self, state: &TrainingState) -> Result<()> {
        let resumed = |learner: &Learner, name| learner.resumed(state, name, &self.device);
        let (actor, critic) = (resumed(&self.actor, ACTOR)?, resumed(&self.critic, CRITIC)?);
        self.reference = self.reference_in(state)?;
        (self.actor, self.critic) = (actor, critic);
        Ok(())
    }

    fn reference_in(&self, state: &TrainingState) -> Result<Option<Network>> {
        let Some(bytes) = state.0.get(REFERENCE) else { return Ok(None) };
        Ok(Some(Weights::from_safetensors(bytes, "the saved reference policy")?.load_into(self.actor.frozen())?))
    }
}
