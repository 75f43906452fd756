use std::path::{Path, PathBuf};

use super::calibrate::Calibration;
use crate::{
    component::PolicyState,
    run_dir::{self, RunError, Step, StepDir, StepKind, layout, read_as_written},
};

/// The weights of the policy after the last finished step that has some, and the iteration.
///
/// # Errors
/// If no step has any yet, an earlier one is missing, or the files cannot be read or were changed.
pub fn latest_policy(root: &Path) -> Result<(usize, PolicyState), RunError> {
    run_dir::require_in_order(root)?;
    let (iteration, folder) = latest(root, StepKind::ImprovePolicy)
        .or_else(|| latest(root, StepKind::Pretrain))
        .ok_or_else(|| missing(root, "no policy yet: its pretraining is not finished"))?;
    Ok((iteration, read_policy(&folder)?))
}

/// The weights of the reward network fitted last, with its calibration.
///
/// # Errors
/// If none was fitted yet, a step is missing before one that is there, or the files cannot be read or were changed.
pub fn latest_reward(root: &Path) -> Result<(Vec<u8>, Calibration), RunError> {
    fitted_reward(root)?.ok_or_else(|| missing(root, "no reward network yet: no iteration has finished fit-reward"))
}

/// The same, or nothing where none was fitted yet.
pub(super) fn fitted_reward(root: &Path) -> Result<Option<(Vec<u8>, Calibration)>, RunError> {
    run_dir::require_in_order(root)?;
    latest(root, StepKind::FitReward).map(|(_, folder)| read_reward(&folder)).transpose()
}

pub(super) fn read_policy(folder: &Path) -> Result<PolicyState, RunError> {
    let [actor, critic] = [layout::ACTOR, layout::CRITIC].map(|name| read_as_written(folder, name));
    Ok(PolicyState { actor: actor?, critic: Some(critic?) })
}

pub(super) fn write_policy(work: &StepDir, state: &PolicyState) -> Result<(), RunError> {
    work.write(layout::ACTOR, &state.actor)?;
    work.write(layout::CRITIC, state.critic.as_deref().unwrap_or_default())
}

pub(super) fn read_reward(folder: &Path) -> Result<(Vec<u8>, Calibration), RunError> {
    let calibration = read_as_written(folder, layout::CALIBRATION)?;
    Ok((
        read_as_written(folder, layout::REWARD)?,
        run_dir::parse_json(&calibration, &folder.join(layout::CALIBRATION))?,
    ))
}

fn latest(root: &Path, kind: StepKind) -> Option<(usize, PathBuf)> {
    let folders = (0..).map(|iteration| Step::new(iteration, kind));
    let skip = usize::from(kind != StepKind::Pretrain);
    let last = folders.skip(skip).take_while(|step| run_dir::is_done(root, step)).last()?;
    Some((last.iteration, root.join(layout::step(&last))))
}

fn missing(root: &Path, message: &str) -> RunError {
    RunError::Content { path: root.to_owned(), message: format!("{message}; run `rl4seg adapt` first") }
}
