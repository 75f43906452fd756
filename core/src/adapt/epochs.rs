//! Epochs that survive an interruption: after each, the step keeps everything that the next depends on.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};

use super::{AdaptError, StepContext};
use crate::{
    component::{PolicyState, TrainingState},
    run_dir::{Checkpoint, RunError},
};

/// What stands before the names of the parts that training goes on from, and of those that were best so far.
const TRAINING: &str = "training/";
const KEPT: &str = "kept/";

/// Where an interrupted step stood.
pub(super) struct Saved<P> {
    /// What the step itself noted.
    pub progress: P,
    /// The networks under training.
    pub training: TrainingState,
    /// Weights that the step may come to.
    pub kept: BTreeMap<String, Vec<u8>>,
}

impl StepContext<'_> {
    /// Where an interrupted attempt at this step stood, if it kept that.
    pub(super) fn saved<P: DeserializeOwned>(&self) -> Result<Option<Saved<P>>, AdaptError> {
        let Some((checkpoint, path)) = self.work.saved()? else { return Ok(None) };
        let progress = checkpoint.progress(&path)?;
        let of = |prefix| {
            let parts = checkpoint.parts.iter();
            parts.filter_map(|(name, bytes)| Some((name.strip_prefix(prefix)?.to_owned(), bytes.clone()))).collect()
        };
        Ok(Some(Saved { progress, training: TrainingState(of(TRAINING)), kept: of(KEPT) }))
    }

    /// Keeps where the step stands; nothing where the network cannot tell, so that an interrupted step begins anew.
    pub(super) fn save<P: Serialize>(
        &self,
        progress: &P,
        training: Option<TrainingState>,
        kept: BTreeMap<String, Vec<u8>>,
    ) -> Result<(), RunError> {
        let Some(TrainingState(training)) = training else { return Ok(()) };
        let named = |prefix, parts: BTreeMap<String, Vec<u8>>| {
            parts.into_iter().map(move |(name, bytes)| (format!("{prefix}{name}"), bytes))
        };
        let parts = named(TRAINING, training).chain(named(KEPT, kept)).collect();
        self.work.save(&Checkpoint::new(progress, parts)?)
    }
}

/// A part that a step keeps, by its name.
pub(super) fn kept_part<'a>(checkpoint: &'a Checkpoint, name: &str) -> Option<&'a [u8]> {
    checkpoint.parts.get(&format!("{KEPT}{name}")).map(Vec::as_slice)
}

const ACTOR: &str = "actor";
const CRITIC: &str = "critic";

/// A policy's weights among those that a step keeps.
pub(super) fn kept_policy(state: &PolicyState) -> BTreeMap<String, Vec<u8>> {
    let critic = state.critic.iter().map(|bytes| (CRITIC.to_owned(), bytes.clone()));
    critic.chain([(ACTOR.to_owned(), state.actor.clone())]).collect()
}

/// What [`kept_policy`] was made of.
pub(super) fn policy_among(kept: BTreeMap<String, Vec<u8>>) -> Result<PolicyState, AdaptError> {
    let mut kept = TrainingState(kept);
    let critic = kept.0.remove(CRITIC);
    Ok(PolicyState { actor: kept.part(ACTOR)?.to_vec(), critic })
}
